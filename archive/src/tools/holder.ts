import { LogError } from '../log/errors.js'
import { FileLock } from '../log/sqlite/lock.adapter.js'
import { isThere } from './portable/folder.adapter.js'

/**
 * Who holds the log in this file, as a sentence that names the process; undefined if nobody does.
 * Takes the lock for a moment if it is free.
 */
export function holderOfLog(file: string, nowMs: number): string | undefined {
  // Whoever opens a log makes the lock first.
  if (!isThere(`${file}.lock`)) return undefined
  try {
    FileLock.acquire(file, nowMs).release()
    return undefined
  } catch (error) {
    if (error instanceof LogError && error.code === 'in-use') return error.message
    throw error
  }
}
