import { dirname, join, resolve } from 'node:path'
import { LogError } from '../log/errors.js'
import { backupLog } from './backup-log.js'
import { isFolder, isThere, makeFolder } from './portable/folder.adapter.js'
import type { ToolRun } from './run.js'
import type { VerifyReport } from './verify/report.js'
import { verifyLog } from './verify/verify-log.js'

export interface RestoreOptions {
  readonly backup: string
  /** The log's file, or the folder in which it is `archive.db`. Must not exist; its folder is made. */
  readonly destination: string
}

export interface RestoreReport {
  readonly file: string
  readonly bytes: number
  readonly verified: VerifyReport
}

/**
 * Puts a backup in the place of a log. It is verified before anything is written, and again where it
 * lands; it has its name only once it is whole and on disk. Nothing is ever overwritten: a log that
 * is there, or what SQLite left beside one, is refused with `invalid-argument`, a backup with faults
 * with `damaged`.
 */
export async function restoreLog(options: RestoreOptions, run: ToolRun): Promise<RestoreReport> {
  const file = fileAt(options.destination)
  refuseToOverwrite(file)
  const verified = await verifyLog(options.backup, run)
  if (!verified.isWhole) {
    const [first] = verified.faults
    throw new LogError(
      'damaged',
      `${options.backup} has ${verified.faultCount} faults and was not restored: ${first?.what ?? ''}`,
    )
  }
  makeFolder(dirname(file))
  const copy = await backupLog({ file: options.backup, destination: file }, run)
  return { file, bytes: copy.bytes, verified: copy.verified ?? verified }
}

function fileAt(destination: string): string {
  const path = resolve(destination)
  // Without an ending it is a folder that is still to be made.
  const isMeantAsFolder = isThere(path) ? isFolder(path) : !/\.[^./\\]+$/.test(path)
  return isMeantAsFolder ? join(path, 'archive.db') : path
}

function refuseToOverwrite(file: string): void {
  const inTheWay = ['', '-wal', '-shm', '-journal']
    .map((suffix) => `${file}${suffix}`)
    .filter((name) => isThere(name))
  if (inTheWay.length === 0) return
  throw new LogError(
    'invalid-argument',
    `${inTheWay.join(', ')} ${inTheWay.length === 1 ? 'is' : 'are'} there: a log is never overwritten; stop its archive and move it away first`,
  )
}
