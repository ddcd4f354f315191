import { AccessError } from '@holdfast/access'
import type { Failure } from '@holdfast/command'
import { LogError } from '../log/errors.js'
import { ArchiveError } from '../server/errors.js'

/** What the errors of an archive come to when a command meets them. */
export function archiveFailureOf(error: unknown): Failure | undefined {
  if (error instanceof ArchiveError || error instanceof AccessError) {
    return { exitCode: error.code === 'cannot-listen' ? 1 : 2 }
  }
  if (!(error instanceof LogError)) return undefined
  if (error.code === 'invalid-argument') return { exitCode: 2 }
  return { exitCode: error.code === 'in-use' ? 3 : 1 }
}
