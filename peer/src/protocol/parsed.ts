import type { ErrorCode } from './codes.js'

/** What reading remote bytes gives: a value, or a refusal. Nothing in `protocol` throws on input. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | Refused

export interface Refused {
  readonly ok: false
  readonly refusal: Refusal
}

export interface Refusal {
  readonly code: ErrorCode
  /** What was wrong, in one line of our own words: never bytes or text that came from outside. */
  readonly detail: string
}

export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

export function refuse(code: ErrorCode, detail: string): Refused {
  return { ok: false, refusal: { code, detail } }
}
