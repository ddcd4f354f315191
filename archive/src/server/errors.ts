/** Why an archive could not be started. What goes wrong with the log itself is a `LogError`. */
export type ArchiveErrorCode =
  /** An option that cannot hold; the message names it and what it got. */
  | 'bad-option'
  /** A public address without keys for tokens, and `open` was not asked for. */
  | 'open-refused'
  /** The address could not be listened on. */
  | 'cannot-listen'

/** What `createArchive` rejects with for its caller's mistakes. Remote input never causes one. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
  readonly code: ArchiveErrorCode

  constructor(code: ArchiveErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
