import type { AppendOp } from '@holdfast/archive'
import Database from 'better-sqlite3'

/**
 * What SQLite takes for the same rows in the same tables, with nothing around it: no judging, no
 * checksums, no threads, one prepared statement a row, one transaction a group.
 *
 * `rows` writes the entries' rows alone, in their table with its index; `all` also what else each
 * group has to write: counters, documents, filing.
 */
export class RawLog {
  readonly #database: Database.Database
  readonly #group: Group
  readonly #groupOps: number

  /** `file` was made by a log and is closed; `ops` are all that will come. */
  constructor(file: string, ops: readonly AppendOp[], groupOps: number, what: 'rows' | 'all') {
    this.#database = open(file)
    this.#group = what === 'rows' ? rowsOnly(this.#database) : everything(this.#database, ops)
    this.#groupOps = groupOps
  }

  /** Gives how many milliseconds it took. */
  append(ops: readonly AppendOp[]): number {
    const start = performance.now()
    for (let at = 0; at < ops.length; at += this.#groupOps) {
      this.#group(ops.slice(at, at + this.#groupOps))
    }
    return performance.now() - start
  }

  close(): void {
    this.#database.close()
  }
}

/** As the log sets its own connection. */
function open(file: string): Database.Database {
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('wal_autocheckpoint = 4000')
  database.pragma('cache_size = -32768')
  return database
}

type Group = (ops: readonly AppendOp[]) => void

const insertEntry =
  'INSERT INTO entries (id, collection, seq, document, kind, at_ms, producer, n, checksum, bytes)' +
  ' VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'

const nowMs = 1_790_000_000_000

function rowsOnly(database: Database.Database): Group {
  const insert = database.prepare(insertEntry)
  let seq = 0
  return database.transaction((ops: readonly AppendOp[]) => {
    for (const { id, bytes } of ops) {
      seq++
      insert.run(seq, 1, seq, 1, 0, nowMs, 1, id?.n ?? 0, 0x12345678, bytes)
    }
  })
}

function everything(database: Database.Database, ops: readonly AppendOp[]): Group {
  const insert = database.prepare(insertEntry)
  const saveDocument = database.prepare(
    'UPDATE documents SET last_seq = ?, tail_rows = ?, tail_bytes = ? WHERE id = ?',
  )
  const saveCollection = database.prepare('UPDATE collections SET head = ? WHERE id = 1')
  const saveTotals = database.prepare('UPDATE archive SET last_entry = ?, rows = ?, row_bytes = ?')
  const fileTails = database.prepare(
    'INSERT INTO tails SELECT document, seq, id FROM entries WHERE id > ? ORDER BY document, seq',
  )
  const fileOps = database.prepare(
    "INSERT INTO ops SELECT producer, n, document, seq, x'' FROM entries WHERE id > ? ORDER BY producer, n",
  )
  const documents = makeDocuments(database, ops)
  let seq = 0
  let filed = 0
  let rowBytes = 0
  return database.transaction((ops: readonly AppendOp[]) => {
    if (seq - filed >= 4_096) {
      fileTails.run(filed)
      fileOps.run(filed)
      filed = seq
    }
    const touched = new Set<Counted>()
    for (const { document, id, bytes } of ops) {
      seq++
      const counted = documents.get(document.id) as Counted
      counted.lastSeq = seq
      counted.rows++
      counted.bytes += bytes.length
      rowBytes += bytes.length
      touched.add(counted)
      insert.run(seq, 1, seq, counted.id, 0, nowMs, counted.id, id?.n ?? 0, 0x12345678, bytes)
    }
    for (const { lastSeq, rows, bytes, id } of touched) saveDocument.run(lastSeq, rows, bytes, id)
    saveCollection.run(seq)
    saveTotals.run(seq, seq, rowBytes)
  })
}

interface Counted {
  readonly id: number
  lastSeq: number
  rows: number
  bytes: number
}

function makeDocuments(
  database: Database.Database,
  ops: readonly AppendOp[],
): ReadonlyMap<string, Counted> {
  database.exec("INSERT INTO collections VALUES (1, 'bench', 0, 0)")
  const insert = database.prepare(
    `INSERT INTO documents (collection, name, generation, deleted_seq, last_seq, pruned_through,
       snapshot_seq, snapshot_bytes, tail_rows, tail_bytes, covered_rows, covered_bytes,
       tail_since_ms, parked_rows, parked_bytes, gapped_since_ms, ripe, failures, retry_at_ms,
       last_error)
     VALUES (1, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '') RETURNING id`,
  )
  const documents = new Map<string, Counted>()
  database.transaction(() => {
    for (const name of new Set(ops.map(({ document }) => document.id))) {
      const { id } = insert.get(name) as { readonly id: number }
      documents.set(name, { id, lastSeq: 0, rows: 0, bytes: 0 })
    }
  })()
  return documents
}

/**
 * Reads so many rows after a seq as plain as it gets: all of them, in order, with what a reader needs.
 * Gives how many milliseconds it took.
 */
export function readRaw(file: string, after: number, rows: number): number {
  const database = open(file)
  const read = database
    .prepare(
      `SELECT seq, document, producer, n, bytes FROM entries
       WHERE collection = 1 AND seq > ? ORDER BY seq LIMIT ?`,
    )
    .raw()
  const start = performance.now()
  let at = after
  for (const to = after + rows; at < to;) {
    const page = read.all(at, Math.min(pageRows, to - at)) as [number, ...unknown[]][]
    at = page.at(-1)?.[0] ?? to
  }
  const tookMs = performance.now() - start
  database.close()
  return tookMs
}

const pageRows = 4_096
