/** Why a call on a log was rejected: nothing that a remote peer sent, only our own state or storage. */
export type LogErrorCode =
  /** The log was closed before or during the call. */
  | 'closed'
  /** Another process holds the file. */
  | 'in-use'
  /** The disk is full: nothing of the call was stored; reads go on; appends succeed once there is room. */
  | 'storage-full'
  /** Reading or writing failed for another reason. */
  | 'storage-failed'
  /** A checksum or the database itself says that stored bytes have changed. */
  | 'damaged'
  /** The file was written by a newer version, or is not a log at all. */
  | 'unsupported-file'
  /** The caller's mistake: the message says which argument and what it got. */
  | 'invalid-argument'

export class LogError extends Error {
  readonly code: LogErrorCode

  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LogError'
    this.code = code
  }
}
