import type { ArchiveId, TermId } from '@holdfast/peer/protocol'
import type { LogPolicy } from '../options.js'
import { Authors } from './authors.js'
import { Checkpoints } from './checkpoints.js'
import { CompactionReads } from './compaction-reads.js'
import { DocumentReads } from './document-reads.js'
import { DocumentEntries } from './entries.js'
import { DocumentLoader } from './load-document.js'
import { Pages } from './pages.js'
import { makeReader } from './pragmas.js'
import { QuarantineReader } from './quarantine.js'
import { SnapshotReader } from './snapshots.js'
import { Sql, type SqlHooks } from './sql.adapter.js'
import { Standings } from './terms.js'

export interface ReaderOptions {
  readonly file: string
  readonly archive: ArchiveId
  readonly term: TermId
  readonly policy: LogPolicy
  readonly hooks?: SqlHooks
}

/**
 * The reading half of a log, synchronous, on a connection of its own: it sees what is durable, waits
 * for no writer, and every answer is of one short read transaction, so that none is left open to
 * keep the write-ahead log from being emptied.
 */
export class Reader {
  readonly pages: Pages
  readonly standings: Standings
  readonly documents: DocumentReads
  readonly compaction: CompactionReads
  readonly quarantine: QuarantineReader
  readonly #sql: Sql

  constructor({ file, archive, term, policy, hooks }: ReaderOptions) {
    const sql = new Sql({ file, readonly: true, ...hooks })
    makeReader(sql)
    const entries = new DocumentEntries(sql)
    const snapshots = new SnapshotReader(sql)
    const quarantine = new QuarantineReader(sql)
    const loader = new DocumentLoader({
      entries,
      snapshots,
      quarantine,
      checkpoints: new Checkpoints(sql),
      authors: new Authors(sql),
    })
    const documents = new DocumentReads({ sql, entries, snapshots, loader })
    this.#sql = sql
    this.pages = new Pages(sql, term, snapshots)
    this.standings = new Standings(sql, archive)
    this.documents = documents
    this.compaction = new CompactionReads({ sql, policy, documents, entries, snapshots, loader })
    this.quarantine = quarantine
  }

  close(): void {
    this.#sql.close()
  }
}
