/** Values of flags, read to what they mean. Each throws a `Mistake` that names who said it. */
import { printable, suggestion } from './nearest.js'
import { Mistake, type Given } from './spec.js'

/** A whole number from 1. */
export function countOf(given: Given, flag: string): number | undefined {
  const value = given.value(flag)
  if (value === undefined) return undefined
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw wrong(given, flag, 'a whole number from 1', value)
}

/** A whole number from 0. */
export function wholeOf(given: Given, flag: string): number | undefined {
  const value = given.value(flag)
  return value === undefined ? undefined : whole(value, given.nameOf(flag))
}

/** A port: 0 to 65,535. */
export function portOf(given: Given, flag: string): number | undefined {
  const port = wholeOf(given, flag)
  if (port === undefined || port <= 65_535) return port
  throw wrong(given, flag, 'a whole number up to 65535', String(port))
}

/** A path that requests can have: anything else would never be found. */
export function pathOf(given: Given, flag: string): string | undefined {
  const path = given.value(flag)
  if (path === undefined || /^(\/[\w.~-]+)+$/.test(path)) return path
  throw wrong(given, flag, 'a path such as /sync', path)
}

/** One of some words. */
export function choiceOf<Word extends string>(
  given: Given,
  flag: string,
  what: string,
  words: readonly Word[],
): Word | undefined {
  const value = given.value(flag)
  if (value === undefined) return undefined
  const word = words.find((one) => one === value)
  if (word !== undefined) return word
  const near = suggestion(value, words)
  const known = near === '' ? ` There are ${words.join(', ')}.` : near
  throw new Mistake(`There is no ${what} '${printable(value)}'.${known}`)
}

/** `90s`, `15m`, `12h`, `30d` in milliseconds. */
export function durationMsOf(given: Given, flag: string): number | undefined {
  const value = given.value(flag)
  if (value === undefined) return undefined
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(value) ?? []
  const unitMs = msByUnit[unit]
  if (count !== undefined && unitMs !== undefined && Number(count) > 0)
    return Number(count) * unitMs
  throw wrong(given, flag, '90s, 15m, 12h or 30d', value)
}

/** A list of `NAME=N`, the names being known. */
export function numbersByName(
  given: Given,
  flag: string,
  known: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>()
  for (const item of given.list(flag) ?? []) {
    const [name = '', value = ''] = item.split('=', 2)
    if (!known.has(name)) {
      throw new Mistake(`There is no limit '${printable(name)}'.${suggestion(name, known.keys())}`)
    }
    numbers.set(name, whole(value, `${given.nameOf(flag)}: ${name}`))
  }
  return numbers
}

/** An option that is absent where nothing said it: `undefined` would say that it is nothing. */
export function present<Name extends string, T>(
  name: Name,
  value: T | undefined,
): { readonly [K in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in Name]: T })
}

function whole(value: string, what: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw new Mistake(`${what} takes a whole number; it got '${printable(value)}'.`)
}

function wrong(given: Given, flag: string, takes: string, got: string): Mistake {
  return new Mistake(`${given.nameOf(flag)} takes ${takes}; it got '${printable(got)}'.`)
}

const msByUnit: Readonly<Record<string, number | undefined>> = {
  s: 1_000,
  m: 60_000,
  h: 60 * 60_000,
  d: 24 * 60 * 60_000,
}
