import {
  clientsOf,
  readStateVector,
  readUpdate,
  type CollectionName,
  type DocumentId,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { idsOf, inForm, mergeUpdates, type DocumentState as JudgedState } from '../append/index.js'
import type {
  CollectionsPage,
  CollectionsRequest,
  DocumentsPage,
  DocumentsRequest,
  DocumentState,
  DocumentSummary,
  GapChange,
  StateForm,
  StoredIds,
} from '../port.js'
import { Damaged } from './damaged.js'
import { documentColumns, summaryOf, type DocumentRow } from './document-row.js'
import { DocumentFinder } from './documents.js'
import type { DocumentEntries } from './entries.js'
import type { DocumentLoader } from './load-document.js'
import type { SnapshotReader } from './snapshots.js'
import type { Sql, Statement } from './sql.adapter.js'
import { readWhole } from './stored-document.js'

export interface DocumentReadsParts {
  readonly sql: Sql
  readonly entries: DocumentEntries
  readonly snapshots: SnapshotReader
  readonly loader: DocumentLoader
}

/** What is asked about single documents. Each answer is of one read transaction. */
export class DocumentReads {
  readonly #parts: DocumentReadsParts
  readonly #finder: DocumentFinder
  readonly #collection: Statement<readonly [number]>
  readonly #collections: Statement<readonly [string]>
  readonly #listed: Statement<DocumentRow>
  readonly #gapped: Statement<DocumentRow>
  readonly #hasEnded: Statement<readonly [number]>
  readonly #isEndedClient: Statement<readonly [number]>

  constructor(parts: DocumentReadsParts) {
    const { sql } = parts
    this.#parts = parts
    this.#finder = new DocumentFinder(sql)
    this.#collection = sql.readTuples('SELECT id FROM collections WHERE name = ?')
    this.#collections = sql.readTuples(
      'SELECT name FROM collections WHERE name > ? ORDER BY name LIMIT ?',
    )
    // `+?`: as `StreamRows` has it.
    this.#listed = sql.read(
      `SELECT ${documentColumns} FROM documents
       WHERE collection = ? AND (name, generation) > (?, ?) ORDER BY name, generation LIMIT +?`,
    )
    this.#gapped = sql.read(
      `SELECT ${documentColumns} FROM documents
       WHERE collection = ? AND gapped_since_ms > 0 ORDER BY gapped_since_ms LIMIT +?`,
    )
    this.#hasEnded = sql.readTuples(
      `SELECT id FROM documents WHERE collection = ? AND name = ? AND deleted_seq > 0`,
    )
    this.#isEndedClient = sql.readTuples('SELECT 1 FROM authors WHERE document = ? AND client = ?')
  }

  find(name: CollectionName, ref: DocumentRef): DocumentRow | undefined {
    const collection = this.#idOf(name)
    return collection === undefined ? undefined : this.#finder.find(collection, ref)
  }

  latestRow(name: CollectionName, id: DocumentId): DocumentRow | undefined {
    const collection = this.#idOf(name)
    return collection === undefined ? undefined : this.#finder.latest(collection, id)
  }

  latest(name: CollectionName, id: DocumentId): DocumentSummary | undefined {
    const row = this.latestRow(name, id)
    return row && summaryOf(row)
  }

  collections({ after = '' as CollectionName, limit }: CollectionsRequest): CollectionsPage {
    const names = this.#collections.all(after, limit + 1).map(([name]) => name as CollectionName)
    return { collections: names.slice(0, limit), more: names.length > limit }
  }

  list({ collection: name, after, limit }: DocumentsRequest): DocumentsPage {
    const collection = this.#idOf(name)
    if (collection === undefined) return { documents: [], more: false }
    const rows = this.#listed.all(collection, after?.id ?? '', after?.generation ?? -1, limit + 1)
    return { documents: rows.slice(0, limit).map(summaryOf), more: rows.length > limit }
  }

  state(
    name: CollectionName,
    ref: DocumentRef,
    stateVector?: Uint8Array,
    form?: StateForm,
  ): DocumentState | undefined {
    const { sql, entries, snapshots } = this.#parts
    const read = sql.snapshot(() => {
      const row = this.find(name, ref)
      if (row === undefined) return undefined
      const { parked } = this.#load(row)
      return { row, parked, ...readWhole(row, snapshots, entries) }
    })
    if (read === undefined) return undefined
    const { row, parked, snapshot, rows } = read
    const integrated = rows.filter(({ seq }) => !parked.has(seq)).map(({ bytes }) => bytes)
    const whole = mergeUpdates(snapshot ? [snapshot.bytes, ...integrated] : integrated)
    const isVector = stateVector !== undefined && readStateVector(stateVector).ok
    const bytes = isVector ? Y.diffUpdate(whole, stateVector) : whole
    const beside = rows.filter(({ seq }) => parked.has(seq)).map((one) => one.bytes)
    return { ...inForm(bytes, beside, form), through: row.lastSeq }
  }

  ids(name: CollectionName, ref: DocumentRef): StoredIds | undefined {
    return this.#parts.sql.snapshot(() => {
      const row = this.find(name, ref)
      return row && idsOf(this.#load(row))
    })
  }

  touchesDeleted(name: CollectionName, id: DocumentId, update: Uint8Array): boolean {
    const collection = this.#idOf(name)
    if (collection === undefined) return false
    const ended = this.#hasEnded.all(collection, id)
    if (ended.length === 0) return false
    const read = readUpdate(update)
    if (!read.ok) return false
    const clients = [...clientsOf(read.value)]
    return ended.some(([document]) =>
      clients.some((client) => this.#isEndedClient.get(document, client) !== undefined),
    )
  }

  gaps(name: CollectionName, limit: number): readonly GapChange[] {
    const { sql } = this.#parts
    return sql.snapshot(() => {
      const collection = this.#idOf(name)
      if (collection === undefined) return []
      return this.#gapped.all(collection, limit).map((row) => {
        const state = this.#load(row)
        return { collection: name, document: state.ref, missing: state.missing }
      })
    })
  }

  #load(row: DocumentRow): JudgedState {
    const { state, isDamaged } = this.#parts.loader.load(row)
    if (isDamaged) throw new Damaged(row.id, 'something stored does not read')
    return state
  }

  #idOf(name: CollectionName): number | undefined {
    return this.#collection.get(name)?.[0]
  }
}
