import { AccessError } from '@holdfast/access'
import type { Failure } from '@holdfast/command'
import { SignalError } from '../errors.js'

/** What the errors of a signaller come to when a command meets them. */
export function signalFailureOf(error: unknown): Failure | undefined {
  if (!(error instanceof SignalError || error instanceof AccessError)) return undefined
  return { exitCode: error.code === 'cannot-listen' ? 1 : 2 }
}
