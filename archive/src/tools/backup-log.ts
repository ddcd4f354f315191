import { resolve } from 'node:path'
import { LogError } from '../log/errors.js'
import { canonicalPath, sizeOf } from '../log/sqlite/files.adapter.js'
import { logErrorOf } from '../log/sqlite/sql.adapter.js'
import { copyPages, makeSingleFile } from './copy-pages.adapter.js'
import { openForReading } from './open-for-reading.js'
import { isThere, moveIntoPlace, removeFile, syncFile } from './portable/folder.adapter.js'
import type { ToolRun } from './run.js'
import type { VerifyReport } from './verify/report.js'
import { verifyLog } from './verify/verify-log.js'

export interface BackupOptions {
  readonly file: string
  /** Must not exist; its folder has to. */
  readonly destination: string
  /** Default: true. The backup is checked before it gets its name. */
  readonly verify?: boolean
}

export interface BackupReport {
  readonly destination: string
  readonly bytes: number
  /** Absent if it was not asked for. */
  readonly verified?: VerifyReport
}

/**
 * Copies a log to a single file, as it is at one moment, also while an archive is writing it.
 *
 *     copy to DEST.part ─► one file without companions ─► verified ─► fsync ─► renamed to DEST
 *         └──────────────────────┴──────────────────────────┴─► fails: DEST.part is removed
 *
 * A file named `destination` is therefore a whole backup, or was there before: then nothing is done.
 * A log that is damaged is not backed up: `damaged` says so, and its first fault.
 */
export async function backupLog(options: BackupOptions, run: ToolRun): Promise<BackupReport> {
  const { verify = true } = options
  run.signal?.throwIfAborted()
  const destination = placeFor(options.destination)
  // Looks at what it is before anything is copied.
  const { file, close } = openForReading(options.file)
  close()
  const part = `${destination}.part`
  removeFile(part)
  try {
    await copyPages(file, part, run)
    makeSingleFile(part)
    const verified = verify ? await verifyLog(part, run) : undefined
    if (verified?.isWhole === false) {
      const [first] = verified.faults
      throw new LogError(
        'damaged',
        `${file} has ${verified.faultCount} faults and was not backed up: ${first?.what ?? ''}`,
      )
    }
    syncFile(part)
    const bytes = sizeOf(part)
    moveIntoPlace(part, destination)
    return { destination, bytes, ...(verified && { verified }) }
  } catch (error) {
    if (run.signal?.aborted === true) throw error
    throw logErrorOf(error, `backing up ${file}`)
  } finally {
    for (const left of [part, `${part}-wal`, `${part}-shm`, `${part}-journal`]) removeFile(left)
  }
}

function placeFor(given: string): string {
  if (isThere(given)) throw new LogError('invalid-argument', `${given} is there already`)
  try {
    return canonicalPath(resolve(given))
  } catch (cause) {
    throw new LogError('invalid-argument', `the folder of ${given} is not there`, { cause })
  }
}
