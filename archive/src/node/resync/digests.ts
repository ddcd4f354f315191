import { createHash } from 'node:crypto'
import {
  emptyCoverage,
  encodeStateVector,
  hexOf,
  stateVectorOf,
  type CollectionName,
  type Coverage,
  type Digest,
} from '@holdfast/peer/protocol'
import * as encoding from 'lib0/encoding'
import { buildSnapshot } from '../../compaction/builder.js'
import type { SnapshotBuilder } from '../../compaction/builder-port.js'
import type { DocumentSummary, Log } from '../../log/port.js'

/** What the log holds of a document, as a comparison needs it. */
export interface DocumentDigest {
  /** Absent: it is not whole. */
  readonly digest?: Digest
  /** Of what is integrated. */
  readonly stateVector: Uint8Array
}

/** What is kept: some hundred bytes a document, unless very many have written in it. */
const maxKeptBytes = 32 * 1024 * 1024
/** A name, a digest, and what holds them. */
const overheadBytes = 512

/**
 * Digests of the log's documents, of their integrated state and never of what the log covers: what
 * Yjs deletes while it integrates stands in no row. They are made where snapshots are built, one at
 * a time, and kept until the document changes.
 */
export class DocumentDigests {
  readonly #log: Log
  readonly #builder: Pick<SnapshotBuilder, 'build'>
  readonly #kept = new Map<string, DocumentDigest & { readonly lastSeq: number }>()
  #keptBytes = 0
  #tail: Promise<unknown> = Promise.resolve()

  constructor(log: Log, builder: Pick<SnapshotBuilder, 'build'> = here) {
    this.#log = log
    this.#builder = builder
  }

  async of(collection: CollectionName, summary: DocumentSummary): Promise<DocumentDigest> {
    const { id, generation } = summary.document
    const key = `${collection}\n${generation}\n${id}`
    const kept = this.#kept.get(key)
    if (kept?.lastSeq === summary.lastSeq) return kept
    const building = this.#tail.then(() => this.#build(collection, summary))
    // Whoever asked gets the failure; the next in turn must not.
    this.#tail = building.catch(() => undefined)
    const built = { ...(await building), lastSeq: summary.lastSeq }
    this.#forget(key)
    this.#kept.set(key, built)
    this.#keptBytes += built.stateVector.length + overheadBytes
    for (const [oldest] of this.#kept) {
      if (this.#keptBytes <= maxKeptBytes) break
      this.#forget(oldest)
    }
    return built
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key)
    if (kept === undefined) return
    this.#kept.delete(key)
    this.#keptBytes -= kept.stateVector.length + overheadBytes
  }

  async #build(collection: CollectionName, { document }: DocumentSummary): Promise<DocumentDigest> {
    const source = await this.#log.compaction.source(collection, document)
    if (source !== undefined) {
      const isWhole = source.parked.seqs.length === 0
      const built = await this.#builder.build(source)
      if (built.status === 'built') {
        const { stateVector, coverage, parked } = built
        return isWhole && parked.seqs.length === 0
          ? { digest: digestOfCoverage(coverage), stateVector }
          : { stateVector }
      }
    }
    const ids = await this.#log.ids(collection, document)
    if (ids === undefined) return { stateVector: emptyStateVector }
    const integrated = { ...emptyCoverage, structs: ids.integrated }
    return { stateVector: encodeStateVector(stateVectorOf(integrated)) }
  }
}

/** Nothing is held. */
export const emptyStateVector = Uint8Array.of(0)

/**
 * The digest of a document from the coverage of its whole, integrated, encoded state: there the
 * deletions are all named, and every client's structs begin at 0.
 */
function digestOfCoverage({ structs, deletes }: Coverage): Digest {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, deletes.size)
  for (const [client, ranges] of descending(deletes)) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, ranges.length / 2)
    for (let at = 0; at < ranges.length; at += 2) {
      const from = ranges[at] as number
      encoding.writeVarUint(encoder, from)
      encoding.writeVarUint(encoder, (ranges[at + 1] as number) - from)
    }
  }
  encoding.writeVarUint(encoder, structs.size)
  for (const [client, ranges] of descending(structs)) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, ranges[1] ?? 0)
  }
  return hexOf(createHash('sha256').update(encoding.toUint8Array(encoder)).digest()) as Digest
}

function descending(ids: Coverage['structs']): readonly (readonly [number, readonly number[]])[] {
  return [...ids].toSorted(([a], [b]) => b - a)
}

/** In this thread: for tests, and where no worker is given. */
const here: Pick<SnapshotBuilder, 'build'> = { build: async (source) => buildSnapshot(source) }
