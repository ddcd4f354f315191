import { LogError, type LogErrorCode } from '../errors.js'
import { Damaged } from './damaged.js'
import { DamageFound, isDamage, logErrorOf } from './sql.adapter.js'

/** An error on its way from one thread to another: classes do not travel. */
export interface WireError {
  readonly code: LogErrorCode
  readonly message: string
  /** Of what lay under it: for people. */
  readonly cause?: string
  /** It was met in this document (`documents.id`), which the writer can heal. */
  readonly damaged?: number
  /** The file itself is broken: the error's cause is a `DamageFound` again on the other side. */
  readonly isBroken?: boolean
}

export function toWire(error: unknown, doing: string): WireError {
  if (error instanceof Damaged) {
    return { code: 'damaged', message: error.message, damaged: error.document }
  }
  const { code, message, cause } = logErrorOf(error, doing)
  return {
    code,
    message,
    ...(cause instanceof Error && { cause: cause.stack ?? cause.message }),
    ...(isDamage(error) && { isBroken: true }),
  }
}

export function fromWire(error: WireError): LogError | Damaged {
  const { code, message, cause, damaged, isBroken } = error
  if (damaged !== undefined) return new Damaged(damaged, message)
  if (isBroken === true) return new LogError(code, message, { cause: new DamageFound(cause ?? '') })
  return new LogError(code, message, cause === undefined ? {} : { cause: new Error(cause) })
}
