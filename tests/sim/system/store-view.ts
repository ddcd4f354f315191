/**
 * What is in a store, looked at past everything that reads it: the database itself, in the state that
 * its log would bring back. Cursor and rows are of one moment.
 */
import type { loadSqlJs } from '@holdfast/client/testing'
import type { ArchiveId, DocumentRef, TermId } from '@holdfast/peer/protocol'

type Database = InstanceType<Awaited<ReturnType<typeof loadSqlJs>>['Database']>

export class StoreView {
  readonly #database: () => Database | undefined

  /** @param database the one that the driver works with now; none while it is made anew */
  constructor(database: () => Database | undefined) {
    this.#database = database
  }

  cursor(archive: ArchiveId): StoredCursor | undefined {
    const [row] = this.#rows('SELECT term, seq, is_whole FROM cursors WHERE archive = ?', [archive])
    if (row === undefined) return undefined
    const [term, seq, isWhole] = row
    return { term: term as TermId, seq: Number(seq), isWhole: isWhole === 1 }
  }

  /** All that is kept of its content. Undefined for a generation that has ended here. */
  partsOf({ id, generation }: DocumentRef): readonly Uint8Array[] | undefined {
    const [row] = this.#rows('SELECT key, generation FROM documents WHERE id = ?', [id])
    const [key, living] = row ?? [0, 0]
    if (Number(living) !== generation) return Number(living) > generation ? undefined : []
    const tables = ['snapshots', 'updates', 'quarantined']
    return tables.flatMap((table) =>
      this.#rows(`SELECT bytes FROM ${table} WHERE document = ?`, [Number(key)]).map(
        ([bytes]) => bytes as Uint8Array,
      ),
    )
  }

  #rows(sql: string, parameters: (string | number)[]): readonly (readonly unknown[])[] {
    const statement = this.#database()?.prepare(sql)
    if (statement === undefined) return []
    const rows: unknown[][] = []
    try {
      statement.bind(parameters)
      while (statement.step()) rows.push(statement.get() as unknown[])
    } finally {
      statement.free()
    }
    return rows
  }
}

export interface StoredCursor {
  readonly term: TermId
  readonly seq: number
  readonly isWhole: boolean
}
