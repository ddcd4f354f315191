/** Why a signalling server could not be made. */
export type SignalErrorCode =
  /** An option that cannot hold; the message names it and what it got. */
  | 'bad-option'
  /** A public address without a secret, and `open` was not asked for. */
  | 'open-refused'
  /** The address could not be listened on. */
  | 'cannot-listen'

/** What `@holdfast/signal` throws to its caller. Remote input never causes one. */
export class SignalError extends Error {
  override readonly name = 'SignalError'
  readonly code: SignalErrorCode

  constructor(code: SignalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
