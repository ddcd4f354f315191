/*
 * What a log has promised over all of its openings, and whether it keeps it. Outlives every process
 * that opened the log: what one of them was told has to hold for all that follow.
 */
import type { Log } from '@holdfast/archive'
import {
  contains,
  GrowingCoverage,
  readUpdate,
  updateLimits,
  type CollectionName,
  type Coverage,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import { createHash } from 'node:crypto'
import * as Y from 'yjs'
import { contentOf, digestOf } from '../../contract/log/content.js'
import { hasPending } from '../../contract/log/writer.js'
import type { Told } from '../../children/told.js'

/** Everything that this process got back from one that was killed, over all runs. */
export interface Counted {
  acknowledged: number
  added: number
  entries: number
  removed: number
  /** Acknowledged rows whose fsync had not returned: on a disk that counts. */
  early: number
}

export class Promises {
  readonly counted: Counted = { acknowledged: 0, added: 0, entries: 0, removed: 0, early: 0 }
  readonly #collections = new Map<string, PromisedCollection>()
  readonly #problems: string[] = []

  /** Broken promises, in words. */
  get problems(): readonly string[] {
    return this.#problems
  }

  /** Takes down what a process was told by its log. */
  note(told: readonly Told[], countsSyncs: boolean): void {
    for (const line of told) {
      if (line.kind === 'compacted') this.counted.removed += line.removed
      if (line.kind === 'durable') {
        for (const [seq, document, hash] of line.entries) {
          this.#entry(line.collection, seq, document, hash)
        }
      }
      if (line.kind === 'acknowledged') this.#acknowledged(line, countsSyncs)
    }
  }

  /** Holds a log that was opened again against everything noted, and notes what else it holds. */
  async check(log: Log): Promise<void> {
    for (const [name, promised] of this.#collections) {
      const collection = name as CollectionName
      await this.#checkEntries(log, collection, promised)
      for (const [id, document] of promised.documents) {
        await this.#checkDocument(log, collection, { id, generation: 0 } as DocumentRef, document)
      }
    }
  }

  #acknowledged(line: Told & { kind: 'acknowledged' }, countsSyncs: boolean): void {
    const { collection, document, seq, added } = line
    const bytes = new Uint8Array(Buffer.from(line.bytes, 'base64'))
    this.counted.acknowledged++
    if (added) {
      this.counted.added++
      this.#entry(collection, seq, document, hashOf(bytes))
      const [before, after] = line.syncs
      if (countsSyncs && after <= before) this.counted.early++
    }
    const promised = this.#collection(collection).documentOf(document)
    promised.coverage.add(coverageOf(bytes))
    Y.applyUpdate(promised.ydoc, bytes)
  }

  /** One seq names one entry, for ever. */
  #entry(collection: string, seq: number, document: string, hash: string): void {
    const { entries } = this.#collection(collection)
    const entry = `${document} ${hash}`
    const known = entries.get(seq)
    if (known === undefined) {
      entries.set(seq, entry)
      this.counted.entries++
    } else if (known !== entry) {
      this.#problems.push(`${collection}#${seq} was ${known} and is ${entry}`)
    }
  }

  async #checkEntries(
    log: Log,
    collection: CollectionName,
    promised: PromisedCollection,
  ): Promise<void> {
    let after = 0
    for (;;) {
      const page = await log.read({ collection, after, maxBytes: 1 << 24, maxEntries: 10_000 })
      for (const entry of page.entries) {
        if (entry.kind !== 'row') continue
        this.#entry(collection, entry.seq, entry.document.id, hashOf(entry.bytes))
      }
      after = page.through
      if (after === page.head) break
    }
    // Without a gap, from the first to the head: each was seen, now or before it was retired.
    for (let seq = 1; seq <= after; seq++) {
      if (!promised.entries.has(seq)) this.#problems.push(`${collection}#${seq} was never seen`)
    }
    const highest = highestOf(promised.entries.keys())
    if (highest > after)
      this.#problems.push(`${collection}: the head went from ${highest} to ${after}`)
  }

  async #checkDocument(
    log: Log,
    collection: CollectionName,
    document: DocumentRef,
    promised: PromisedDocument,
  ): Promise<void> {
    const where = `${collection}/${document.id}`
    const state = await log.state(collection, document)
    if (state === undefined) {
      this.#problems.push(`${where} is gone`)
      return
    }
    if (!contains(coverageOf(state.bytes), promised.coverage.toCoverage())) {
      this.#problems.push(`${where} lacks something that was acknowledged`)
    }
    const stored = new Y.Doc({ gc: true })
    Y.applyUpdate(stored, state.bytes)
    if (hasPending(stored) || state.parked.length > 0) this.#problems.push(`${where} has a gap`)
    const before = digestOf(stored) + contentOf(stored)
    Y.applyUpdate(stored, Y.encodeStateAsUpdate(promised.ydoc))
    if (digestOf(stored) + contentOf(stored) !== before) {
      this.#problems.push(`${where} changes with what was acknowledged`)
    }
    // What is durable without having been acknowledged has to stay, too.
    promised.coverage.add(coverageOf(state.bytes))
    promised.ydoc.destroy()
    promised.ydoc = stored
  }

  #collection(name: string): PromisedCollection {
    let collection = this.#collections.get(name)
    if (collection === undefined) {
      collection = new PromisedCollection()
      this.#collections.set(name, collection)
    }
    return collection
  }
}

class PromisedCollection {
  /** By seq: document and hash of every entry that was ever seen. */
  readonly entries = new Map<number, string>()
  readonly documents = new Map<string, PromisedDocument>()

  documentOf(id: string): PromisedDocument {
    let document = this.documents.get(id)
    if (document === undefined) {
      document = { coverage: new GrowingCoverage(), ydoc: new Y.Doc({ gc: true }) }
      this.documents.set(id, document)
    }
    return document
  }
}

interface PromisedDocument {
  readonly coverage: GrowingCoverage
  /** Fed with everything that was acknowledged. */
  ydoc: Y.Doc
}

function coverageOf(bytes: Uint8Array): Coverage {
  const read = readUpdate(bytes, { ...updateLimits, maxBytes: Number.MAX_SAFE_INTEGER })
  if (!read.ok) throw new Error(read.refusal.detail)
  return read.value
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

/** The keys come in the order in which they were noted. */
function highestOf(seqs: Iterable<number>): number {
  let highest = 0
  for (const seq of seqs) highest = Math.max(highest, seq)
  return highest
}
