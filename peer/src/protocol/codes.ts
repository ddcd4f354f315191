/**
 * The closed list of error codes on the wire. Each says what the one who hears it does next:
 * - `retry`: the same again later may succeed (after a pause, or once something named has happened);
 * - `resync`: what the two sides believe of each other is wrong; exchange states, then go on;
 * - `fatal`: the same again will always fail; for a connection: do not come back unchanged, for an
 *   op: keep it aside and report it.
 *
 * The numbers are the wire and never change; a code that is no longer used keeps its number.
 */
export const errorCodes = {
  // The connection
  malformed: { number: 1, next: 'fatal' },
  'unsupported-version': { number: 2, next: 'fatal' },
  'unexpected-message': { number: 3, next: 'fatal' },
  'too-large': { number: 4, next: 'fatal' },
  'rate-limited': { number: 5, next: 'retry' },
  'too-many': { number: 6, next: 'retry' },
  timeout: { number: 7, next: 'retry' },
  'slow-reader': { number: 8, next: 'retry' },
  'going-away': { number: 9, next: 'retry' },
  unavailable: { number: 10, next: 'retry' },
  internal: { number: 11, next: 'retry' },
  'frame-lost': { number: 12, next: 'resync' },
  // Access
  unauthenticated: { number: 20, next: 'fatal' },
  'token-expired': { number: 21, next: 'retry' },
  forbidden: { number: 22, next: 'fatal' },
  'origin-not-allowed': { number: 23, next: 'fatal' },
  'unknown-recipient': { number: 24, next: 'retry' },
  // Updates and ops
  'malformed-update': { number: 30, next: 'fatal' },
  'unsupported-encoding': { number: 31, next: 'fatal' },
  'op-too-large': { number: 32, next: 'fatal' },
  'document-too-large': { number: 33, next: 'fatal' },
  'too-many-documents': { number: 34, next: 'fatal' },
  'predecessors-first': { number: 35, next: 'retry' },
  rekey: { number: 36, next: 'fatal' },
  'document-deleted': { number: 37, next: 'fatal' },
  'storage-full': { number: 38, next: 'retry' },
  'storage-failed': { number: 39, next: 'retry' },
  // Cursors
  'unknown-term': { number: 50, next: 'resync' },
  'cursor-ahead': { number: 51, next: 'resync' },
  'ack-beyond-sent': { number: 52, next: 'resync' },
  'lease-ended': { number: 53, next: 'resync' },
  'replica-in-use': { number: 54, next: 'fatal' },
} as const satisfies Record<string, { number: number; next: Next }>

export type ErrorCode = keyof typeof errorCodes

/** What the one who hears a code does next. */
export type Next = 'retry' | 'resync' | 'fatal'

const codeByNumber = new Map<number, ErrorCode>(
  Object.entries(errorCodes).map(([code, { number }]) => [number, code as ErrorCode]),
)

/** The code with this number, or undefined for a number that this version does not know. */
export function errorCodeOf(number: number): ErrorCode | undefined {
  return codeByNumber.get(number)
}

export function nextAfter(code: ErrorCode): Next {
  return errorCodes[code].next
}
