import type { LeaseChanges, StoredLease } from '../leases.js'
import type { Sql, Statement } from './sql.adapter.js'

/** Leases as they are written down now and then. */
export class LeaseStore {
  readonly #all: Statement<StoredLease>
  readonly #save: Statement
  readonly #remove: Statement

  constructor(sql: Sql) {
    this.#all = sql.read(
      'SELECT collection, replica, instance, sent, ack, seen_at_ms AS seenAtMs FROM leases',
    )
    this.#save = sql.prepare(
      'save lease',
      `INSERT OR REPLACE INTO leases (collection, replica, instance, sent, ack, seen_at_ms)
       VALUES (?, ?, ?, ?, ?, ?)`,
    )
    this.#remove = sql.prepare(
      'remove lease',
      'DELETE FROM leases WHERE collection = ? AND replica = ? AND instance = ?',
    )
  }

  all(): readonly StoredLease[] {
    return this.#all.all()
  }

  /** In a write transaction. */
  save({ changed, ended }: LeaseChanges): void {
    for (const { collection, replica, instance } of ended) {
      this.#remove.run(collection, replica, instance)
    }
    for (const { collection, replica, instance, sent, ack, seenAtMs } of changed) {
      this.#save.run(collection, replica, instance, sent, ack, seenAtMs)
    }
  }
}
