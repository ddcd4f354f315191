/** Why a command of `holdfast` could not do what it was asked for. */
export type HoldfastErrorCode =
  /** Somebody else listens there, or nobody may. */
  | 'cannot-listen'
  /** Without keys for tokens, a public address has to be asked for by name. */
  | 'open-refused'
  /** A server did not answer, or not as one of Holdfast's. */
  | 'no-answer'
  /** The server does not let the caller in. */
  | 'forbidden'

/** What the commands of `holdfast` throw; its message says what to do. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError'
  readonly code: HoldfastErrorCode

  constructor(code: HoldfastErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
