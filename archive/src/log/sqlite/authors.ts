import type { InstanceId } from '@holdfast/peer/protocol'
import type { Sql, Statement } from './sql.adapter.js'

/** Who writes under which clientID, for as long as the document is known; it bounds itself. */
export class Authors {
  readonly #of: Statement<readonly [number, InstanceId]>
  readonly #add: Statement
  readonly #end: Statement

  constructor(sql: Sql) {
    this.#of = sql.readTuples('SELECT client, instance FROM authors WHERE document = ?')
    this.#add = sql.prepare(
      'insert author',
      'INSERT OR IGNORE INTO authors (document, client, instance) VALUES (?, ?, ?)',
    )
    this.#end = sql.prepare(
      'insert ended client',
      "INSERT OR IGNORE INTO authors (document, client, instance) VALUES (?, ?, '')",
    )
  }

  of(document: number): ReadonlyMap<number, InstanceId> {
    return new Map(this.#of.all(document))
  }

  /** From now on the clientID belongs to this instance. */
  add(document: number, client: number, instance: InstanceId): void {
    this.#add.run(document, client, instance)
  }

  /** The generation ends: what speaks of these clients by a path without generations is refused. */
  end(document: number, clients: Iterable<number>): void {
    for (const client of clients) this.#end.run(document, client)
  }
}
