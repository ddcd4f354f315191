import {
  isEmpty,
  lastGeneration,
  readUpdate,
  updateLimits,
  type CollectionName,
  type Coverage,
  type DocumentId,
  type DocumentRef,
  type ErrorCode,
  type IdRanges,
  type OpId,
  type UpdateLimits,
} from '@holdfast/peer/protocol'
import type { LogPolicy } from '../options.js'
import type { AppendOp, AppendRefused, GapChange } from '../port.js'
import type { AppendDecision, DeleteDecision, NewEntry } from './decisions.js'
import { DocumentCache, type CacheBounds } from './document-cache.js'
import { DocumentState } from './document-state.js'
import { Group } from './group.js'
import { judge, type Candidate, type KnownOp } from './judge.js'
import type { CollectionCounters, LedgerSource, RememberedOp } from './ledger-source.js'
import { HashOnDemand, opHash } from './op-hash.js'

/**
 * Decides, a group at a time, what becomes of ops and deletions: gives out seqs, and answers each as
 * if those before it in the group were stored already.
 *
 *     append, delete … → finish → the transaction commits → commit
 *                               → or fails                → rollback
 *
 * What it knows of documents is a cache over its source. A group that fails is forgotten by dropping
 * every document and collection that it touched: what is in memory is never ahead of the disk.
 */
export class Ledger {
  readonly #source: LedgerSource
  readonly #policy: LogPolicy
  readonly #limits: UpdateLimits
  readonly #collections = new Map<CollectionName, CollectionCounters>()
  readonly #documents: DocumentCache
  #group = new Group()

  constructor(source: LedgerSource, policy: LogPolicy, bounds: CacheBounds = defaultBounds) {
    this.#source = source
    this.#policy = policy
    this.#limits = { ...updateLimits, maxBytes: Math.min(updateLimits.maxBytes, policy.maxOpBytes) }
    this.#documents = new DocumentCache(bounds)
  }

  append(op: AppendOp): AppendDecision {
    const { collection, document, bytes } = op
    const latest = this.document(collection, document.id)
    const fault = generationFault(latest, document)
    if (fault !== undefined) return { outcome: fault }
    const coverage = readUpdate(bytes, this.#limits)
    if (!coverage.ok) return { outcome: { status: 'refused', refusal: coverage.refusal } }

    const state = isSame(latest?.ref, document) ? latest : new DocumentState(document)
    const id = op.kind === 'live' ? op.id : undefined
    const known = id && this.#known(collection, id)
    if (known !== undefined && !isSame(known.document, document)) {
      return this.#setAside('an op id of another document', opHash(bytes))
    }
    const size = bytes.length
    const candidate = { id, coverage: coverage.value, size, bytes: new HashOnDemand(bytes) }
    const verdict = judge(candidate, state, known, this.#policy)
    if (verdict.verdict === 'row') {
      return this.#row(collection, state, candidate, verdict.missing)
    }
    if (verdict.verdict === 'contained') {
      return this.#contained(collection, state, candidate, verdict, known)
    }
    return verdict.refusal.code === 'rekey'
      ? this.#setAside(verdict.refusal.detail, candidate.bytes.hash)
      : { outcome: { status: 'refused', refusal: verdict.refusal } }
  }

  delete(collection: CollectionName, document: DocumentRef): DeleteDecision {
    if (document.generation >= lastGeneration) {
      return { outcome: refused('malformed', 'no generation comes after it') }
    }
    const latest = this.document(collection, document.id)
    if (latest !== undefined && latest.ref.generation > document.generation) {
      return { outcome: { status: 'committed', seq: latest.lastSeq, added: false } }
    }
    const isLatest = isSame(latest?.ref, document)
    if (isLatest && latest.deletedSeq !== undefined) {
      return { outcome: { status: 'committed', seq: latest.deletedSeq, added: false } }
    }
    const state = isLatest ? latest : new DocumentState(document)
    const tombstone = this.#enter(collection, state)
    if ('status' in tombstone) return { outcome: tombstone }
    const outcome = { status: 'committed' as const, seq: tombstone.seq, added: true }
    this.#end(collection, state, tombstone.seq)
    if (latest === undefined || latest === state || latest.isDeleted) return { outcome, tombstone }
    this.#end(collection, latest, tombstone.seq)
    return { outcome, tombstone, superseded: latest.ref }
  }

  /** To be called when the group is complete: its outcomes are final then. */
  finish(): readonly GapChange[] {
    return this.#group.finish()
  }

  /** The group is durable. */
  commit(): void {
    this.#group = new Group()
    this.#documents.trim()
  }

  /** The group has failed: whatever it touched is read anew from the durable rows. */
  rollback(): void {
    for (const collection of this.#group.collections) this.#collections.delete(collection)
    for (const [{ ref }, collection] of this.#group.documents) {
      this.#documents.drop(collection, ref.id)
    }
    this.#group = new Group()
  }

  /** The rows of a document have been changed by other means: it is read anew when it is needed. */
  forget(collection: CollectionName, id: DocumentId): void {
    this.#documents.drop(collection, id)
  }

  /** The latest generation of a document, the group so far included. */
  document(collection: CollectionName, id: DocumentId): DocumentState | undefined {
    const cached = this.#documents.find(collection, id)
    if (cached !== undefined) return cached
    const state = this.#source.document(collection, id)
    if (state !== undefined) this.#documents.keep(collection, state)
    return state
  }

  #contained(
    collection: CollectionName,
    state: DocumentState,
    { id, coverage, bytes }: Candidate,
    { seq, gapped }: { readonly seq: number; readonly gapped: boolean },
    known: KnownOp | undefined,
  ): AppendDecision {
    const outcome = { status: 'committed' as const, seq, added: false, gapped }
    if (gapped) this.#group.addGapped({ outcome, state, coverage })
    // What says nothing needs no memory, and what is remembered needs it only once.
    if (id === undefined || known !== undefined || isEmpty(coverage)) return { outcome }
    const remember = this.#remember(collection, state, id, new OpOfGroup(seq, state.ref, bytes))
    return { outcome, remember, authored: this.#author(state, id, coverage) }
  }

  #row(
    collection: CollectionName,
    state: DocumentState,
    { id, coverage, size, bytes }: Candidate,
    missing: IdRanges,
  ): AppendDecision {
    const row = this.#enter(collection, state)
    if ('status' in row) return { outcome: row }
    const { seq } = row
    this.#group.noteGap(collection, state)
    state.take({ seq, size, coverage }, missing)
    const gapped = state.parked.has(seq)
    const outcome = { status: 'committed' as const, seq, added: true, gapped }
    if (gapped) this.#group.addGapped({ outcome, state, coverage })
    if (id === undefined) return { outcome, row }
    const remember = this.#remember(collection, state, id, new OpOfGroup(seq, state.ref, bytes))
    return { outcome, row, remember, authored: this.#author(state, id, coverage) }
  }

  #end(collection: CollectionName, state: DocumentState, seq: number): void {
    this.#group.noteGap(collection, state)
    state.end(seq)
  }

  #setAside(reason: string, hash: string): AppendDecision {
    return { outcome: refused('rekey', reason), setAside: { reason, hash } }
  }

  #known(collection: CollectionName, id: OpId): RememberedOp | undefined {
    return this.#group.findOp(collection, id) ?? this.#source.op(collection, id)
  }

  #remember(
    collection: CollectionName,
    state: DocumentState,
    id: OpId,
    op: RememberedOp,
  ): RememberedOp {
    this.#group.addOp(collection, id, op)
    this.#group.documents.set(state, collection)
    return op
  }

  /** Gives the clientIDs that nobody had. */
  #author({ instanceByClient }: DocumentState, id: OpId, { structs }: Coverage): readonly number[] {
    let authored: number[] | undefined
    for (const client of structs.keys()) {
      if (instanceByClient.has(client)) continue
      instanceByClient.set(client, id.instance)
      authored ??= []
      authored.push(client)
    }
    return authored ?? nobody
  }

  /** The next seq, for an entry of this document, which may be its first. */
  #enter(collection: CollectionName, state: DocumentState): NewEntry | AppendRefused {
    const { maxCollections, maxDocumentsPerCollection } = this.#policy
    const existing = this.#collections.get(collection) ?? this.#source.collection(collection)
    if (existing === undefined) {
      const collections = this.#source.collections() + this.#group.startedCollections
      if (collections >= maxCollections) {
        return refused('too-many-documents', `more than ${maxCollections} collections`)
      }
      this.#group.startedCollections++
    }
    const counters = existing ?? { head: 0, documents: 0 }
    const startsDocument = state.lastSeq === 0
    if (startsDocument && counters.documents >= maxDocumentsPerCollection) {
      return refused(
        'too-many-documents',
        `more than ${maxDocumentsPerCollection} in the collection`,
      )
    }
    this.#collections.set(collection, counters)
    this.#group.collections.add(collection)
    this.#group.documents.set(state, collection)
    counters.head++
    if (startsDocument) {
      // Any other came from there.
      this.#documents.keep(collection, state)
      counters.documents++
    }
    return { seq: counters.head, startsCollection: counters.head === 1, startsDocument }
  }
}

function generationFault(
  latest: DocumentState | undefined,
  { generation }: DocumentRef,
): AppendRefused | undefined {
  // Nobody could end it, nor be told in which one to go on.
  if (generation >= lastGeneration) return refused('malformed', 'no generation comes after it')
  if (latest === undefined) return undefined
  const current = latest.ref.generation
  if (generation < current || (generation === current && latest.isDeleted)) {
    return refused('document-deleted', `generation ${generation} has ended`)
  }
  if (generation > current && !latest.isDeleted) {
    return refused('predecessors-first', `generation ${current} has not ended here`)
  }
  return undefined
}

function isSame(a: DocumentRef | undefined, b: DocumentRef): a is DocumentRef {
  return a?.id === b.id && a.generation === b.generation
}

function refused(code: ErrorCode, detail: string): AppendRefused {
  return { status: 'refused', refusal: { code, detail } }
}

/** Some seconds' worth of a busy archive, and far from what a thread may use. */
const defaultBounds: CacheBounds = { maxDocuments: 10_000, maxBytes: 256 * 1024 * 1024 }

const nobody: readonly number[] = []

/** A live op of the group that is being written. */
class OpOfGroup implements RememberedOp {
  readonly seq: number
  readonly document: DocumentRef
  readonly #bytes: HashOnDemand

  constructor(seq: number, document: DocumentRef, bytes: HashOnDemand) {
    this.seq = seq
    this.document = document
    this.#bytes = bytes
  }

  get hash(): string {
    return this.#bytes.hash
  }
}
