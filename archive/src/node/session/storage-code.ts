import type { ErrorCode } from '@holdfast/peer/protocol'
import { LogError, type LogErrorCode } from '../../log/errors.js'

/** What a peer is told when the log rejects a call. */
export function codeOfStorage(error: unknown): ErrorCode {
  return error instanceof LogError ? codeByLogCode[error.code] : 'internal'
}

const codeByLogCode: Readonly<Record<LogErrorCode, ErrorCode>> = {
  'storage-full': 'storage-full',
  'storage-failed': 'storage-failed',
  damaged: 'storage-failed',
  closed: 'unavailable',
  'in-use': 'unavailable',
  'unsupported-file': 'unavailable',
  'invalid-argument': 'internal',
}
