import Database from 'better-sqlite3'
import type { ToolRun } from './run.js'

/**
 * Copies a database, also while another process is writing it. The source's read transaction stays open
 * over all steps: what is written meanwhile is not seen, so the copy never has to start anew, however
 * busy the archive is.
 */
export async function copyPages(from: string, to: string, run: ToolRun): Promise<void> {
  const source = new Database(from, { readonly: true })
  try {
    source.pragma('query_only = ON')
    source.exec('BEGIN')
    source.pragma('user_version')
    await source.backup(to, {
      progress: ({ totalPages, remainingPages }) => {
        run.signal?.throwIfAborted()
        const step = 'copying pages'
        run.onProgress?.({ step, done: totalPages - remainingPages, total: totalPages })
        return pagesAtOnce
      },
    })
  } finally {
    if (source.inTransaction) source.exec('ROLLBACK')
    source.close()
  }
}

/** 4 MiB: some milliseconds, then whoever shares the thread has its turn. */
const pagesAtOnce = 1_024

/**
 * Without a write-ahead log, so that the file can be moved and read by itself, also where nothing can be
 * written.
 */
export function makeSingleFile(file: string): void {
  const database = new Database(file)
  try {
    database.pragma('journal_mode = DELETE')
  } finally {
    database.close()
  }
}
