import type {
  ArchiveLedger,
  ArchivePosition,
  CommittedOp,
  HeldDocument,
  HoldingsPage,
  OwedOp,
  OwedPage,
  PageOutcome,
  RefusedOp,
  TakenPage,
} from '@holdfast/client/testing'
import { fraction, type Clock, type Random, type Undo } from '@holdfast/peer/ports'
import {
  hashedOfOp,
  hexOf,
  type ArchiveId,
  type Digest,
  type DocumentId,
  type DocumentRef,
  type Entry,
  type InstanceId,
  type OpId,
  type TermId,
} from '@holdfast/peer/protocol'
import { digest as sha256 } from 'lib0/hash/sha256'
import * as Y from 'yjs'
import { keyOfOp, type ReplicaDisk, type StoredOp } from './replica-disk.js'

export interface MemoryLedgerOptions {
  readonly disk: ReplicaDisk
  readonly clock: Clock
  readonly random: Random
  /** How long a transaction takes at most. */
  readonly writeMs?: number
}

/**
 * A replica's ledger on virtual time. Transactions run one after the other and take a moment: what
 * is under way when its host dies has not happened.
 */
export class MemoryLedger implements ArchiveLedger {
  readonly disk: ReplicaDisk
  readonly instance: InstanceId
  /** What was asked of the ledger against its own rules. */
  readonly violations: string[] = []
  /** Every transaction fails while this is set. */
  isFailing = false
  /** Transactions wait while this is set. */
  #gate: Promise<void> | undefined
  #openGate: () => void = () => {}
  readonly #clock: Clock
  readonly #random: Random
  readonly #writeMs: number
  readonly #onOwed = new Set<() => void>()
  #tail: Promise<unknown> = Promise.resolve()
  #n = 0
  taken = 0
  folded: DocumentRef[] = []

  constructor({ disk, clock, random, writeMs = 5 }: MemoryLedgerOptions) {
    this.disk = disk
    this.#clock = clock
    this.#random = random
    this.#writeMs = writeMs
    this.instance = hexOf(random.bytes(16)) as InstanceId
    // A clientID is never used a second time: a clone of this disk writes under others.
    for (const { doc } of disk.documents.values()) doc.clientID = random.uint32()
  }

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#openGate = resolve
    })
  }

  release(): void {
    this.#gate = undefined
    this.#openGate()
  }

  // The application's side -------------------------------------------------------------------------

  /** An edit: saved when it resolves. */
  edit(id: string, change: (doc: Y.Doc) => void): Promise<OpId | undefined> {
    return this.#write(() => {
      const { generation, doc } = this.#open(id as DocumentId)
      const updates: Uint8Array[] = []
      const listener = (update: Uint8Array): number => updates.push(update)
      doc.on('update', listener)
      doc.transact(() => change(doc))
      doc.off('update', listener)
      const [bytes] = updates
      if (bytes === undefined) return undefined
      const op = this.#nextOp()
      this.#store({ kind: 'live', bytes, op, document: ref(id, generation), isOwn: true })
      return op
    })
  }

  type(id: string, text: string): Promise<OpId | undefined> {
    return this.edit(id, (doc) => doc.getText('body').insert(0, text))
  }

  delete(id: string): Promise<void> {
    return this.#write(() => {
      const { generation } = this.#open(id as DocumentId)
      this.#end(ref(id, generation))
      const op = this.#nextOp()
      this.#store({ kind: 'tombstone', op, document: ref(id, generation), isOwn: true })
    })
  }

  /** An op that came over the mesh, from its author or from anybody else. */
  carry(op: StoredOp): Promise<void> {
    return this.#write(() => {
      if (this.disk.history.some((known) => keyOfOp(known.op) === keyOfOp(op.op))) return
      if (op.kind === 'tombstone') this.#end(op.document)
      else this.#apply(op.document, op.bytes)
      this.#store({ ...op, isOwn: false })
    })
  }

  text(id: string): string {
    return (
      this.disk.documents
        .get(id as DocumentId)
        ?.doc.getText('body')
        .toJSON() ?? ''
    )
  }

  /** What it holds, as digests: equal where two replicas hold the same. */
  digests(): string {
    return [...this.disk.documents]
      .filter(([, { doc, generation }]) => hasContent(doc) || generation > 0)
      .map(([id, { generation, doc }]) => `${id} ${generation} ${digestOf(doc)}`)
      .toSorted()
      .join('\n')
  }

  get isPending(): boolean {
    return [...this.disk.documents.values()].some(({ doc }) => isPending(doc))
  }

  owes(archive: ArchiveId): readonly StoredOp[] {
    const answered = this.disk.answered.get(archive)
    return this.disk.ops.filter(({ op }) => {
      const key = keyOfOp(op)
      return answered?.has(key) !== true && !this.disk.refused.has(key)
    })
  }

  // ArchiveLedger ----------------------------------------------------------------------------------

  position(archive: ArchiveId): ArchivePosition | undefined {
    return this.disk.positions.get(archive)
  }

  take(page: TakenPage): Promise<PageOutcome> {
    return this.#write((): PageOutcome => {
      const { archive, term, through } = page
      const before = this.disk.positions.get(archive)
      const at = before?.cursor.seq ?? 0
      if (page.after > at) this.violations.push(`a page after ${page.after} at ${at}`)
      // Asked for while a page of the link before was still being written, which has moved it since.
      if (page.after < at) return { kind: 'needs', entries: [] }
      const needed = page.entries.filter((entry) => this.#isNeeded(page, entry))
      if (needed.length > 0) return { kind: 'needs', entries: needed.map((one) => this.#need(one)) }
      const isCompared = before?.isCompared ?? this.#isEmpty
      for (const entry of page.entries) this.#takeEntry(page, entry)
      this.#forgetSettled()
      const cursor = { archive, term, seq: through }
      const position = { cursor, isWhole: through === page.head, isCompared }
      this.disk.positions.set(archive, position)
      this.taken++
      return { kind: 'taken', position }
    })
  }

  async owed(
    archive: ArchiveId,
    after: number,
    maxOps: number,
    maxBytes: number,
  ): Promise<OwedPage> {
    const all = this.owes(archive).filter(({ position }) => position > after)
    const ops: OwedOp[] = []
    let bytes = 0
    for (const op of all) {
      bytes += op.kind === 'tombstone' ? 0 : op.bytes.length
      if (ops.length >= maxOps || (ops.length > 0 && bytes > maxBytes)) break
      ops.push(op.kind === 'tombstone' ? op : { ...op, bytes: op.bytes.slice() })
    }
    return { ops, more: ops.length < all.length }
  }

  async owing(archive: ArchiveId): Promise<{ readonly ops: number; readonly bytes: number }> {
    const ops = this.owes(archive)
    const bytes = ops.reduce((sum, op) => sum + (op.kind === 'tombstone' ? 0 : op.bytes.length), 0)
    return { ops: ops.length, bytes }
  }

  onOwed(listener: () => void): Undo {
    this.#onOwed.add(listener)
    return () => this.#onOwed.delete(listener)
  }

  committed(archive: ArchiveId, _term: TermId, results: readonly CommittedOp[]): Promise<void> {
    return this.#write(() => {
      for (const { op, gapped } of results) if (!gapped) this.#answered(archive).add(keyOfOp(op))
      this.#forgetSettled()
    })
  }

  refused(_archive: ArchiveId, results: readonly RefusedOp[]): Promise<void> {
    return this.#write(() => {
      for (const { op, code } of results) this.disk.refused.set(keyOfOp(op), code)
    })
  }

  async holdings(after: string | undefined, limit: number): Promise<HoldingsPage> {
    const ids = [...this.disk.documents.keys()]
      .toSorted()
      .filter((id) => after === undefined || id > after)
    const page = ids.slice(0, Math.min(limit, 7))
    const documents = page.flatMap((id): HeldDocument[] => {
      const held = this.disk.documents.get(id)
      if (held === undefined) return []
      const { generation, doc } = held
      const digest = hasContent(doc) && !isPending(doc) ? { digest: digestOf(doc) } : {}
      return [{ document: { id, generation }, hasContent: hasContent(doc), ...digest }]
    })
    const last = page.at(-1)
    return {
      documents,
      ...(last === undefined || ids.length === page.length ? {} : { next: last }),
    }
  }

  async stateVector(document: DocumentRef): Promise<Uint8Array | undefined> {
    const doc = this.#held(document)
    return doc === undefined ? undefined : Y.encodeStateVector(doc)
  }

  async difference(document: DocumentRef, vector: Uint8Array): Promise<Uint8Array | undefined> {
    const doc = this.#held(document)
    return doc === undefined ? undefined : Y.encodeStateAsUpdate(doc, vector)
  }

  receive(document: DocumentRef, updates: readonly Uint8Array[]): Promise<void> {
    return this.#write(() => {
      for (const update of updates) this.#apply(document, update)
    })
  }

  end(document: DocumentRef): Promise<void> {
    return this.#write(() => this.#end(document))
  }

  resynced(position: ArchivePosition): Promise<void> {
    return this.#write(() => {
      this.disk.positions.set(position.cursor.archive, position)
    })
  }

  async snapshot(document: DocumentRef): Promise<Uint8Array | undefined> {
    const doc = this.#held(document)
    return doc === undefined || isPending(doc) ? undefined : Y.encodeSnapshot(Y.snapshot(doc))
  }

  async compact(document: DocumentRef): Promise<void> {
    this.folded.push(document)
  }

  // ------------------------------------------------------------------------------------------------

  #write<T>(change: () => T): Promise<T> {
    const begun = this.#tail.then(async () => {
      await this.#gate
      const delayMs = this.#writeMs * fraction(this.#random)
      await new Promise<void>((resolve) => {
        this.#clock.after(delayMs, resolve)
      })
      if (this.isFailing) throw new Error('the disk is full')
      return change()
    })
    this.#tail = begun.catch(() => {})
    return begun
  }

  #nextOp(): OpId {
    return { instance: this.instance, n: ++this.#n }
  }

  #store(op: DistributiveOmit<StoredOp, 'position'>): void {
    const stored = { ...op, position: this.disk.history.length + 1 }
    this.disk.ops.push(stored)
    this.disk.history.push(stored)
    if (op.kind === 'live') this.disk.hashes.add(hashOf(op.op, op.document, op.bytes))
    for (const listener of this.#onOwed) this.#clock.after(0, listener)
  }

  get #isEmpty(): boolean {
    const documents = [...this.disk.documents.values()]
    return documents.every(({ generation, doc }) => generation === 0 && !hasContent(doc))
  }

  /** Nobody who is known is owed them: what a new archive lacks of them, a resync has to find. */
  #forgetSettled(): void {
    const archives = [...this.disk.positions.keys()]
    if (archives.length === 0) return
    this.disk.ops = this.disk.ops.filter(({ op }) => {
      const key = keyOfOp(op)
      return archives.some((archive) => this.disk.answered.get(archive)?.has(key) !== true)
    })
  }

  #open(id: DocumentId): { readonly generation: number; readonly doc: Y.Doc } {
    const known = this.disk.documents.get(id)
    if (known !== undefined) return known
    const fresh = { generation: 0, doc: this.#newDoc() }
    this.disk.documents.set(id, fresh)
    return fresh
  }

  #newDoc(): Y.Doc {
    const doc = new Y.Doc()
    doc.clientID = this.#random.uint32()
    return doc
  }

  #held({ id, generation }: DocumentRef): Y.Doc | undefined {
    const held = this.disk.documents.get(id)
    return held?.generation === generation && hasContent(held.doc) ? held.doc : undefined
  }

  #end({ id, generation }: DocumentRef): void {
    if (this.#open(id).generation > generation) return
    this.disk.documents.set(id, { generation: generation + 1, doc: this.#newDoc() })
  }

  #apply({ id, generation }: DocumentRef, bytes: Uint8Array): void {
    if (generation > this.#open(id).generation) this.#end({ id, generation: generation - 1 })
    const held = this.#open(id)
    if (held.generation > generation) return
    Y.applyUpdate(held.doc, bytes)
    if (isPending(held.doc)) Y.applyUpdate(held.doc, Y.encodeStateAsUpdate(held.doc))
  }

  #answered(archive: ArchiveId): Set<string> {
    const known = this.disk.answered.get(archive) ?? new Set()
    this.disk.answered.set(archive, known)
    return known
  }

  #isNeeded(page: TakenPage, entry: Entry): boolean {
    if (page.fetched.has(entry.seq)) return false
    return (
      entry.kind === 'large-snapshot' ||
      (entry.kind === 'place' && !this.disk.hashes.has(entry.hash))
    )
  }

  #need(entry: Entry): Extract<PageOutcome, { kind: 'needs' }>['entries'][number] {
    if (entry.kind !== 'large-snapshot') return { seq: entry.seq }
    const { seq, document } = entry
    const doc = this.#held(document)
    const stateVector = doc === undefined ? new Uint8Array([0]) : Y.encodeStateVector(doc)
    return { seq, difference: { document, stateVector } }
  }

  #takeEntry({ archive, fetched }: TakenPage, entry: Entry): void {
    const content = fetched.get(entry.seq) ?? entry
    switch (content.kind) {
      case 'row':
        this.#apply(content.document, content.bytes)
        if (content.op !== undefined) {
          this.#answered(archive).add(keyOfOp(content.op))
          this.disk.hashes.add(hashOf(content.op, content.document, content.bytes))
        }
        return
      case 'snapshot':
      case 'difference':
        for (const bytes of [content.bytes, ...content.parked]) this.#apply(content.document, bytes)
        return
      case 'tombstone':
        this.#end(content.document)
        return
      default:
    }
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

export function digestOf(doc: Y.Doc): Digest {
  return hexOf(sha256(Y.encodeSnapshot(Y.snapshot(doc)))) as Digest
}

function hashOf(op: OpId, document: DocumentRef, bytes: Uint8Array): string {
  return hexOf(sha256(hashedOfOp(op, document, bytes)).subarray(0, 8))
}

export function isPending(doc: Y.Doc): boolean {
  return doc.store.pendingStructs !== null || doc.store.pendingDs !== null
}

function hasContent(doc: Y.Doc): boolean {
  return doc.store.clients.size > 0 || isPending(doc)
}

function ref(id: string, generation: number): DocumentRef {
  return { id: id as DocumentId, generation }
}
