/*
 * A driver in a worker, seen from its page: calls go there with a number, answers come back with it,
 * events without. Bytes are handed over, not copied: both ends had copied them at their border.
 *
 *   page    {kind:'call', id, call, args}  ──►  worker
 *           ◄──  {kind:'answer', id, value} | {kind:'error', id, error} | {kind:'event', event}
 */
import { ClientError, type ClientErrorCode } from '../../../errors.js'
import type { Driver, DriverEvent } from '../../driver.js'

/** What is used of a Worker, a MessagePort, or a worker's own global. */
export interface MessageEnd {
  postMessage(message: unknown, transfer: Transferable[]): void
  onmessage: ((event: MessageEvent) => void) | null
}

export type Call =
  | { readonly call: 'open'; readonly args: readonly [name: string] }
  | { readonly call: 'transact'; readonly args: Parameters<Driver['transact']> }
  | { readonly call: 'query'; readonly args: Parameters<Driver['query']> }
  | { readonly call: 'size' | 'close'; readonly args: readonly [] }

export type ToWorker = Call & { readonly id: number }

export type ToPage =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'event'; readonly event: DriverEvent }

/** Errors lose their class on the way: this is what is left of one, and of its causes the texts. */
export interface WireError {
  readonly code: ClientErrorCode
  readonly message: string
  readonly cause: string | undefined
}

export function toWireError(error: unknown): WireError {
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  const code = error instanceof ClientError ? error.code : 'internal'
  const told = cause instanceof Error ? `${cause.name}: ${cause.message}` : undefined
  return { code, message, cause: told }
}

export function fromWireError({ code, message, cause }: WireError): ClientError {
  return new ClientError(code, message, cause === undefined ? {} : { cause: new Error(cause) })
}

/** Events carry their cause as an error, which crosses as its parts. */
export function toWireEvent(event: DriverEvent): DriverEvent {
  return 'cause' in event ? { ...event, cause: toWireError(event.cause) } : event
}

export function fromWireEvent(event: DriverEvent): DriverEvent {
  return 'cause' in event ? { ...event, cause: fromWireError(event.cause as WireError) } : event
}

/** The memory behind blobs that nobody else uses any more, each once. */
export function transferables(values: readonly unknown[]): Transferable[] {
  const buffers = new Set<ArrayBuffer>()
  for (const value of values) {
    if (!(value instanceof Uint8Array) || !(value.buffer instanceof ArrayBuffer)) continue
    // A small one costs less copied than handed over.
    if (value.byteLength >= minTransferBytes) buffers.add(value.buffer)
  }
  return [...buffers]
}

const minTransferBytes = 16 * 1_024
