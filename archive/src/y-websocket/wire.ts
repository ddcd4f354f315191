/**
 * What y-websocket clients speak, one message a WebSocket frame:
 *
 *   0 sync        0 step 1: a state vector: "send what I lack"
 *                 1 step 2: the update that answers it
 *                 2 update: what has changed just now
 *   1 awareness   an update of y-protocols' awareness
 *   2 auth        0 denied: why, in words (from the server alone)
 *   3 query       "send all presence" (its bytes are the type alone)
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import {
  accept,
  errorCodes,
  nextAfter,
  refuse,
  type ErrorCode,
  type Parsed,
} from '@holdfast/peer/protocol'

export type YWebsocketMessage =
  | { readonly type: 'step-1'; readonly stateVector: Uint8Array }
  | { readonly type: 'step-2' | 'update'; readonly update: Uint8Array }
  | { readonly type: 'awareness'; readonly update: Uint8Array }
  | { readonly type: 'query-awareness' }

/** Reads what a client sent; the bytes in it are views. Never throws. */
export function readMessage(bytes: Uint8Array): Parsed<YWebsocketMessage> {
  try {
    const decoder = decoding.createDecoder(bytes)
    const message = readOne(decoder)
    if (message === undefined) return refuse('unexpected-message', 'message: an unknown type')
    if (decoding.hasContent(decoder)) return refuse('malformed', 'message: bytes left over')
    return accept(message)
  } catch {
    // lib0 throws where bytes end too early, and for numbers that are too large.
    return refuse('malformed', 'message: ends too early')
  }
}

function readOne(decoder: decoding.Decoder): YWebsocketMessage | undefined {
  switch (decoding.readVarUint(decoder)) {
    case types.sync:
      return readSync(decoder)
    case types.awareness:
      return { type: 'awareness', update: decoding.readVarUint8Array(decoder) }
    case types.queryAwareness:
      return { type: 'query-awareness' }
    default:
      return undefined
  }
}

function readSync(decoder: decoding.Decoder): YWebsocketMessage | undefined {
  switch (decoding.readVarUint(decoder)) {
    case 0:
      return { type: 'step-1', stateVector: decoding.readVarUint8Array(decoder) }
    case 1:
      return { type: 'step-2', update: decoding.readVarUint8Array(decoder) }
    case 2:
      return { type: 'update', update: decoding.readVarUint8Array(decoder) }
    default:
      return undefined
  }
}

export function encodeStep1(stateVector: Uint8Array): Uint8Array {
  return encodeWith([types.sync, 0], stateVector)
}

export function encodeUpdate(type: 'step-2' | 'update', update: Uint8Array): Uint8Array {
  return encodeWith([types.sync, type === 'step-2' ? 1 : 2], update)
}

export function encodeAwareness(update: Uint8Array): Uint8Array {
  return encodeWith([types.awareness], update)
}

export function encodeDenied(reason: string): Uint8Array {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, types.auth)
  encoding.writeVarUint(encoder, 0)
  encoding.writeVarString(encoder, reason)
  return encoding.toUint8Array(encoder)
}

/** An update that says nothing. */
export const emptyUpdate: Uint8Array = Uint8Array.of(0, 0)

/** News of nobody's presence: the client hears something, and has nothing to answer. */
export function encodeSignOfLife(): Uint8Array {
  return encodeAwareness(Uint8Array.of(0))
}

/**
 * The close code that says an error code in the client's words: from 4400 to 4499 it stays away for
 * good, from 4500 to 4599 it comes back after a pause and compares again.
 */
export function closeCodeOf(code: ErrorCode): number {
  return (nextAfter(code) === 'fatal' ? 4400 : 4500) + errorCodes[code].number
}

function encodeWith(head: readonly number[], bytes: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder()
  for (const part of head) encoding.writeVarUint(encoder, part)
  encoding.writeVarUint(encoder, bytes.byteLength)
  const before = encoding.toUint8Array(encoder)
  // Copied once: these may be many megabytes.
  const message = new Uint8Array(before.byteLength + bytes.byteLength)
  message.set(before)
  message.set(bytes, before.byteLength)
  return message
}

const types = { sync: 0, awareness: 1, auth: 2, queryAwareness: 3 } as const
