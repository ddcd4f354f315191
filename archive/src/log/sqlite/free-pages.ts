import type { Sql } from './sql.adapter.js'

/**
 * Pages of the file that hold nothing any more. New rows take them first; what is left over after a
 * compaction goes back to the file system, a few at a time, so that a commit never waits for long.
 */
export class FreePages {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  get count(): number {
    return Number(this.#sql.pragma('freelist_count'))
  }

  get bytes(): number {
    return this.count * Number(this.#sql.pragma('page_size'))
  }

  /** One step; gives whether there is more to give back. */
  giveBack(): boolean {
    if (!this.#areTooMany) return false
    // Not as a statement: that would be stepped once, and each step moves one page.
    this.#sql.execute('give pages back', `PRAGMA incremental_vacuum(${pagesAStep})`)
    return this.#areTooMany
  }

  get #areTooMany(): boolean {
    const kept = Number(this.#sql.pragma('page_count')) * keptShare
    return this.count > Math.max(kept, keptPages)
  }
}

/** 2 MiB: some milliseconds, and at most as much again in the write-ahead log. */
const pagesAStep = 512

/** What the next rows will take anyhow. */
const keptPages = 4
const keptShare = 1 / 16
