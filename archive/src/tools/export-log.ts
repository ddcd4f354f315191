import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type {
  ArchiveId,
  CollectionName,
  DocumentId,
  DocumentRef,
  TermId,
} from '@holdfast/peer/protocol'
import { LogError } from '../log/errors.js'
import { defaultLogPolicy } from '../log/options.js'
import type { DocumentState, DocumentSummary } from '../log/port.js'
import { Damaged } from '../log/sqlite/damaged.js'
import { Reader } from '../log/sqlite/reader.js'
import { logErrorOf } from '../log/sqlite/sql.adapter.js'
import { isoOf } from './instant.adapter.js'
import { openForReading } from './open-for-reading.js'
import {
  isOccupied,
  makeFolder,
  moveIntoPlace,
  syncFolder,
  writeDurably,
} from './portable/folder.adapter.js'
import { fileNameOf } from './portable/file-names.js'
import {
  encodeManifest,
  manifestName,
  type ExportedDocument,
  type ExportedFile,
} from './portable/manifest.js'
import { Pace, type ToolRun } from './run.js'

export interface ExportOptions {
  readonly file: string
  /** To be made, or empty. */
  readonly folder: string
  /** Only this collection … */
  readonly collection?: CollectionName
  /** … and only this document of it. */
  readonly document?: DocumentId
  /** Generations that have ended, too. */
  readonly withDeleted?: boolean
  /** Updates that wait for something that the archive never got, too. */
  readonly withParked?: boolean
}

export interface ExportReport {
  readonly folder: string
  readonly documents: number
  readonly bytes: number
  /** Left out because they were not asked for. */
  readonly leftOut: { readonly deleted: number; readonly parked: number }
  /** Could not be read: everything else was exported. */
  readonly damaged: readonly DamagedDocument[]
}

export interface DamagedDocument {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly reason: string
}

/**
 * Writes documents to a folder as Yjs updates that every Yjs program reads, with a manifest that
 * names and proves them. Each document is as it was at one moment; the archive may be writing.
 *
 *     folder/manifest.json
 *     folder/<collection>/<document>.<generation>.yjs
 *     folder/<collection>/<document>.<generation>.parked-<n>.yjs
 */
export async function exportLog(options: ExportOptions, run: ToolRun): Promise<ExportReport> {
  const pace = new Pace(run)
  const { folder, collection: wanted } = options
  if (isOccupied(folder)) {
    throw new LogError(
      'invalid-argument',
      `${folder} is not empty: an export needs a folder of its own`,
    )
  }
  const { file, sql, archive, close } = openForReading(options.file)
  const reader = new Reader({ file, archive, term: noTerm, policy: defaultLogPolicy })
  try {
    const collections = sql
      .readTuples<readonly [CollectionName, number]>(
        'SELECT name, documents FROM collections ORDER BY name',
      )
      .all()
      .filter(([name]) => wanted === undefined || name === wanted)
    const total = collections.reduce((sum, [, documents]) => sum + documents, 0)
    makeFolder(folder)
    const exporting = new Exporting(options, reader)
    let done = 0
    for (const [collection] of collections) {
      for (const summary of documentsOf(collection, options.document, reader)) {
        exporting.write(collection, summary)
        await pace.turn(step, ++done, total)
      }
    }
    if (wanted !== undefined && done === 0) {
      const what = options.document === undefined ? wanted : `${wanted}/${options.document}`
      throw new LogError('invalid-argument', `${file} has no ${what}`)
    }
    const report = exporting.finish(archive, isoOf(run.clock.now()))
    await pace.end(step, done)
    return report
  } catch (error) {
    if (run.signal?.aborted === true) throw error
    throw logErrorOf(error, `exporting to ${folder}`)
  } finally {
    reader.close()
    close()
  }
}

const step = 'exporting documents'
const pageDocuments = 500

/** The reader's pages would carry it; an export has none. */
const noTerm = '' as TermId

function* documentsOf(
  collection: CollectionName,
  only: DocumentId | undefined,
  { documents }: Reader,
): Generator<DocumentSummary> {
  let after: DocumentRef | undefined = only && { id: only, generation: -1 }
  for (;;) {
    const limit = pageDocuments
    const page = documents.list({ collection, ...(after && { after }), limit })
    for (const summary of page.documents) {
      if (only !== undefined && summary.document.id !== only) return
      yield summary
    }
    if (!page.more) return
    after = page.documents.at(-1)?.document
  }
}

/** Writes one document after the other, and the manifest at the end. */
class Exporting {
  readonly #options: ExportOptions
  readonly #reader: Reader
  readonly #documents: ExportedDocument[] = []
  readonly #damaged: DamagedDocument[] = []
  readonly #folders = new Set<string>()
  #bytes = 0
  #deleted = 0
  #parked = 0

  constructor(options: ExportOptions, reader: Reader) {
    this.#options = options
    this.#reader = reader
  }

  write(collection: CollectionName, { document, deleted }: DocumentSummary): void {
    const { withDeleted = false, withParked = false } = this.#options
    if (deleted && !withDeleted) {
      this.#deleted++
      return
    }
    const state = this.#stateOf(collection, document)
    if (state === undefined) return
    if (!withParked) this.#parked += state.parked.length
    const base = `${fileNameOf(collection)}/${fileNameOf(document.id)}.${document.generation}`
    this.#documents.push({
      collection,
      document,
      deleted,
      through: state.through,
      state: this.#writeFile(`${base}.yjs`, state.bytes),
      parked: (withParked ? state.parked : []).map((bytes, at) =>
        this.#writeFile(`${base}.parked-${at + 1}.yjs`, bytes),
      ),
    })
  }

  finish(archive: ArchiveId, exportedAt: string): ExportReport {
    const { folder } = this.#options
    for (const name of this.#folders) syncFolder(name)
    const manifest = encodeManifest({ archive, exportedAt, documents: this.#documents })
    const unfinished = join(folder, `${manifestName}.part`)
    writeDurably(unfinished, new TextEncoder().encode(manifest))
    moveIntoPlace(unfinished, join(folder, manifestName))
    return {
      folder,
      documents: this.#documents.length,
      bytes: this.#bytes,
      leftOut: { deleted: this.#deleted, parked: this.#parked },
      damaged: this.#damaged,
    }
  }

  #stateOf(collection: CollectionName, document: DocumentRef): DocumentState | undefined {
    try {
      return this.#reader.documents.state(collection, document)
    } catch (error) {
      if (!(error instanceof Damaged)) throw error
      this.#damaged.push({ collection, document, reason: error.message })
      return undefined
    }
  }

  #writeFile(file: string, bytes: Uint8Array): ExportedFile {
    const path = join(this.#options.folder, file)
    const folder = dirname(path)
    if (!this.#folders.has(folder)) {
      makeFolder(folder)
      this.#folders.add(folder)
    }
    writeDurably(path, bytes)
    this.#bytes += bytes.length
    return { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  }
}
