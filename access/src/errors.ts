/** Why tokens can be neither checked nor made. */
export type AccessErrorCode =
  /** An option that cannot hold; the message names it and what it got. */
  | 'bad-option'
  /** The keys for tokens could not be read. */
  | 'bad-keys'

/** What `@holdfast/access` throws to its caller. Remote input never causes one. */
export class AccessError extends Error {
  override readonly name = 'AccessError'
  readonly code: AccessErrorCode

  constructor(code: AccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
