import { createHash } from 'node:crypto'
import type { CollectionName, DocumentId, DocumentRef, Refusal } from '@holdfast/peer/protocol'
import { LogError } from '../log/errors.js'
import type { AppendOp, AppendOutcome, Log } from '../log/port.js'
import { isThere, readBytes, readText } from './portable/folder.adapter.js'
import {
  manifestName,
  parseManifest,
  type ExportedDocument,
  type ExportedFile,
} from './portable/manifest.js'
import { Pace, type ToolRun } from './run.js'
import { join } from 'node:path'

export interface ImportOptions {
  readonly log: Log
  /** What an export wrote. */
  readonly folder: string
  /** Only this collection … */
  readonly collection?: CollectionName
  /** … and only this document of it. */
  readonly document?: DocumentId
  /** Also ends the generations that had ended where the export was made. */
  readonly withDeleted?: boolean
}

export interface ImportReport {
  readonly documents: number
  /** New rows. */
  readonly added: number
  /** Was in the log already. */
  readonly contained: number
  /** Of the rows: those that wait for something that is not in the log. */
  readonly gapped: number
  readonly ended: number
  /** Ended where the export was made, and not asked for. */
  readonly leftOut: number
  readonly refused: readonly RefusedImport[]
}

export interface RefusedImport {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly refusal: Refusal
}

/**
 * Brings what an export wrote into a log, as uploads: what it holds already makes no new row, so
 * doing it again changes nothing. Every file is held against the manifest before anything is
 * appended of its document.
 */
export async function importFolder(options: ImportOptions, run: ToolRun): Promise<ImportReport> {
  const pace = new Pace(run)
  const { folder } = options
  assertExport(folder)
  const { documents } = parseManifest(readText(folder, manifestName))
  const wanted = documents
    .filter(({ collection }) => collection === (options.collection ?? collection))
    .filter(({ document }) => document.id === (options.document ?? document.id))
    // A generation can begin only when the one before it has ended.
    .toSorted((a, b) => a.document.generation - b.document.generation)
  const importing = new Importing(options)
  let done = 0
  for (const document of wanted) {
    await importing.take(document)
    await pace.turn(step, ++done, wanted.length)
  }
  await pace.end(step, done)
  return importing.report(done)
}

/** Throws where the folder is no finished export: said before a log is opened, or even made, for it. */
export function assertExport(folder: string): void {
  if (isThere(join(folder, manifestName))) return
  throw new LogError('invalid-argument', `${folder} has no ${manifestName}: no finished export`)
}

const step = 'importing documents'

class Importing {
  readonly #options: ImportOptions
  readonly #refused: RefusedImport[] = []
  #added = 0
  #contained = 0
  #gapped = 0
  #ended = 0
  #leftOut = 0

  constructor(options: ImportOptions) {
    this.#options = options
  }

  async take(exported: ExportedDocument): Promise<void> {
    const { log, withDeleted = false } = this.#options
    const { collection, document, deleted } = exported
    if (deleted && !withDeleted) {
      this.#leftOut++
      return
    }
    const latest = await log.latest(collection, document.id)
    const hasEnded =
      latest !== undefined &&
      (latest.document.generation > document.generation ||
        (latest.document.generation === document.generation && latest.deleted))
    if (deleted && hasEnded) {
      this.#contained++
      return
    }
    const ops = [exported.state, ...exported.parked].map((file): AppendOp => ({
      collection,
      document,
      kind: 'upload',
      bytes: this.#read(file),
    }))
    const outcomes = await log.append(ops)
    const areStored = outcomes.map((outcome) => this.#note(collection, document, outcome))
    if (!deleted || !areStored.every(Boolean)) return
    const ended = await log.delete(collection, document)
    if (ended.status === 'committed') this.#ended += ended.added ? 1 : 0
    else this.#refused.push({ collection, document, refusal: ended.refusal })
  }

  report(documents: number): ImportReport {
    return {
      documents: documents - this.#leftOut,
      added: this.#added,
      contained: this.#contained,
      gapped: this.#gapped,
      ended: this.#ended,
      leftOut: this.#leftOut,
      refused: this.#refused,
    }
  }

  #note(collection: CollectionName, document: DocumentRef, outcome: AppendOutcome): boolean {
    if (outcome.status === 'refused') {
      this.#refused.push({ collection, document, refusal: outcome.refusal })
      return false
    }
    if (outcome.added) this.#added++
    else this.#contained++
    if (outcome.gapped) this.#gapped++
    return true
  }

  #read({ file, bytes: size, sha256 }: ExportedFile): Uint8Array {
    const { folder } = this.#options
    if (!isThere(join(folder, file))) throw new LogError('damaged', `${file} is not in ${folder}`)
    const bytes = readBytes(folder, file)
    const hash = createHash('sha256').update(bytes).digest('hex')
    if (bytes.length !== size || hash !== sha256) {
      throw new LogError('damaged', `${file} is not what its manifest says`)
    }
    return bytes
  }
}
