/**
 * Small readers from which the messages' parsers are put together: each takes what was said and
 * gives the typed value or a refusal that names the field in our own words.
 */
import { hasProperty } from 'lib0/object'
import { isAccess, type Access } from '../access.js'
import { errorCodes, type ErrorCode } from '../codes.js'
import {
  parseCollectionName,
  parseInstanceId,
  parseReplicaId,
  type CollectionName,
  type InstanceId,
  type ReplicaId,
} from '../ids.js'
import { accept, refuse, type Parsed } from '../parsed.js'
import { isFields, ownField, type Fields } from './json.js'

/** Reads one value. */
export type Reader<T> = (input: unknown, name: string) => Parsed<T>

/** A reader for each field; for one that may be absent, a reader that may give undefined. */
export type Readers<T> = {
  readonly [K in keyof Required<T>]: Reader<K extends keyof T ? T[K] : never>
}

/**
 * An object with the given fields. Fields that nobody asked for are ignored, so that a newer
 * speaker can say more; a field that is undefined in the result is left out.
 */
export function objectOf<T>(readers: Readers<T>): Reader<T> {
  const names = Object.keys(readers) as (keyof T & string)[]
  return (input, name) => {
    if (!isFields(input)) return refuse('malformed', `${name}: not an object`)
    return readFields(input, names, readers)
  }
}

function readFields<T>(
  fields: Fields,
  names: readonly (keyof T & string)[],
  readers: Readers<T>,
): Parsed<T> {
  const result: Partial<T> = {}
  for (const name of names) {
    const read = readers[name](ownField(fields, name), name)
    if (!read.ok) return read
    if (read.value !== undefined) result[name] = read.value
  }
  return accept(result as T)
}

/** The field may be absent. (`null` is not absence: it is refused like any other wrong type.) */
export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (input, name) => (input === undefined ? accept(undefined) : reader(input, name))
}

/** Absent stands for an empty list. */
export function listOf<T>(reader: Reader<T>, maxCount: number): Reader<readonly T[]> {
  return (input, name) => {
    if (input === undefined) return accept([])
    if (!Array.isArray(input)) return refuse('malformed', `${name}: not a list`)
    if (input.length > maxCount) return refuse('too-many', `${name}: more than ${maxCount}`)
    const list: T[] = []
    for (const item of input as unknown[]) {
      const read = reader(item, name)
      if (!read.ok) return read
      list.push(read.value)
    }
    return accept(list)
  }
}

/** Exactly this value: the `type` of a message. */
export function literal<T extends string>(value: T): Reader<T> {
  return (input, name) =>
    input === value ? accept(value) : refuse('malformed', `${name}: unknown`)
}

export function oneOf<T extends string>(values: readonly T[]): Reader<T> {
  return (input, name) =>
    values.includes(input as T) ? accept(input as T) : refuse('malformed', `${name}: unknown`)
}

export function text(maxUnits: number): Reader<string> {
  return (input, name) => {
    if (typeof input !== 'string') return refuse('malformed', `${name}: not a string`)
    if (input.length > maxUnits) return refuse('too-large', `${name}: longer than ${maxUnits}`)
    return accept(input)
  }
}

/** One or more of a to z, 0 to 9 and `-`. */
export function word(maxUnits: number): Reader<string> {
  return (input, name) =>
    typeof input === 'string' && input.length <= maxUnits && /^[a-z0-9-]+$/.test(input)
      ? accept(input)
      : refuse('malformed', `${name}: not a word`)
}

/** A whole number from 0 to 2^53 - 1. */
export const count: Reader<number> = (input, name) =>
  Number.isSafeInteger(input) && (input as number) >= 0
    ? accept(input as number)
    : refuse('malformed', `${name}: not a whole number from 0`)

export const boolean: Reader<boolean> = (input, name) =>
  typeof input === 'boolean' ? accept(input) : refuse('malformed', `${name}: not a boolean`)

export const access: Reader<Access> = (input, name) =>
  isAccess(input) ? accept(input) : refuse('malformed', `${name}: unknown access`)

/** A code that this version does not know reads as `internal`: it says "retry" and claims no more. */
export const code: Reader<ErrorCode> = (input, name) => {
  if (typeof input !== 'string') return refuse('malformed', `${name}: not a string`)
  return accept(hasProperty(errorCodes, input) ? (input as ErrorCode) : 'internal')
}

export const collection: Reader<CollectionName> = (input) => parseCollectionName(input)
export const instance: Reader<InstanceId> = (input) => parseInstanceId(input)
export const replica: Reader<ReplicaId> = (input) => parseReplicaId(input)

const secretPattern = /^[0-9a-f]{32}$/

export const secret: Reader<string> = (input, name) =>
  typeof input === 'string' && secretPattern.test(input)
    ? accept(input)
    : refuse('malformed', `${name}: not 32 lower-case hex digits`)
