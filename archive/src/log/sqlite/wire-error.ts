import { LogError, type LogErrorCode } from '../errors.js'
import { Damaged } from './damaged.js'
import { logErrorOf } from './sql.adapter.js'

/** An error on its way from one thread to another: classes do not travel. */
export interface WireError {
  readonly code: LogErrorCode
  readonly message: string
  /** Of what lay under it: for people. */
  readonly cause?: string
  /** It was met in this document (`documents.id`), which the writer can heal. */
  readonly damaged?: number
}

export function toWire(error: unknown, doing: string): WireError {
  if (error instanceof Damaged) {
    return { code: 'damaged', message: error.message, damaged: error.document }
  }
  const { code, message, cause } = logErrorOf(error, doing)
  return { code, message, ...(cause instanceof Error && { cause: cause.stack ?? cause.message }) }
}

export function fromWire({ code, message, cause, damaged }: WireError): LogError | Damaged {
  if (damaged !== undefined) return new Damaged(damaged, message)
  return new LogError(code, message, cause === undefined ? {} : { cause: new Error(cause) })
}
