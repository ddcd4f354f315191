/**
 * Awareness on the wire, as y-protocols writes it: a count, then for each client its id, its clock
 * and its state as JSON (`null`: gone).
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import {
  accept,
  isFields,
  messageBounds,
  parseBoundedJson,
  refuse,
  type Parsed,
} from '../protocol/index.js'
import { presenceBounds as bounds } from './limits.js'

/** What one client shows: any JSON object. */
export type AwarenessState = Record<string, unknown>

export interface AwarenessEntry {
  readonly client: number
  readonly clock: number
  readonly state: AwarenessState | null
}

export function encodeAwareness(entries: readonly AwarenessEntry[]): Uint8Array {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, entries.length)
  for (const { client, clock, state } of entries) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, clock)
    encoding.writeVarString(encoder, JSON.stringify(state))
  }
  return encoding.toUint8Array(encoder)
}

/** Reads what a stranger sent: bounded in bytes, clients and depth. Never throws. */
export function readAwareness(bytes: Uint8Array): Parsed<readonly AwarenessEntry[]> {
  if (bytes.byteLength > messageBounds.maxPresenceBytes) {
    return refuse('too-large', `presence: more than ${messageBounds.maxPresenceBytes} bytes`)
  }
  try {
    return readEntries(bytes)
  } catch {
    // lib0 throws where bytes end too early, and for numbers that are too large.
    return refuse('malformed', 'presence: not an awareness update')
  }
}

function readEntries(bytes: Uint8Array): Parsed<readonly AwarenessEntry[]> {
  const decoder = decoding.createDecoder(bytes)
  const count = decoding.readVarUint(decoder)
  if (count > bounds.maxClientsOfAuthor) {
    return refuse('too-many', `presence: more than ${bounds.maxClientsOfAuthor} clients`)
  }
  const entries: AwarenessEntry[] = []
  for (let at = 0; at < count; at++) {
    const client = decoding.readVarUint(decoder)
    const clock = decoding.readVarUint(decoder)
    // lib0 looks at all digits but the last.
    if (!Number.isSafeInteger(client) || !Number.isSafeInteger(clock)) {
      return refuse('malformed', 'presence: a number beyond 2^53')
    }
    const text = decoding.readVarString(decoder)
    const state = parseBoundedJson(text, messageBounds.maxPresenceBytes, bounds.maxDepth)
    if (!state.ok) return state
    if (state.value !== null && !isFields(state.value)) {
      return refuse('malformed', 'presence: a state that is no object')
    }
    entries.push({ client, clock, state: state.value })
  }
  if (decoding.hasContent(decoder)) return refuse('malformed', 'presence: bytes left over')
  return accept(entries)
}
