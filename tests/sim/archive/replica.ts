import { createHash } from 'node:crypto'
import { Channel, digestOf } from '@holdfast/peer'
import {
  bytesOfHex,
  copyOf,
  encodeMessage,
  frameBounds,
  hashedOfOp,
  hexOf,
  laneOf,
  messageBounds,
  nextAfter,
  type ArchiveId,
  type CollectionName,
  type Cursor,
  type Digest,
  type DocumentId,
  type DocumentRef,
  type Held,
  type InstanceId,
  type Message,
  type MessageOf,
  type OpId,
  type ReplicaId,
  type TermId,
} from '@holdfast/peer/protocol'
import type { World } from '@holdfast/peer/testing'
import * as Y from 'yjs'

export const collection = 'notes' as CollectionName

interface Owed {
  readonly op: OpId
  readonly document: DocumentRef
  readonly kind: 'live' | 'upload' | 'tombstone'
  readonly bytes: Uint8Array
}

interface Position {
  readonly cursor: Cursor
  readonly isWhole: boolean
}

/**
 * A replica that never dies, and keeps to the protocol with an archive by the shortest way: it holds
 * everything in memory, compares whole pages, and says of every message what it did not expect.
 */
export class Replica {
  readonly name: string
  readonly instance: InstanceId
  readonly replica: ReplicaId
  readonly docs = new Map<DocumentId, { doc: Y.Doc; generation: number }>()
  readonly unexpected: string[] = []
  /** Whom it says to have links to. */
  others: readonly InstanceId[] = []
  /** Ops that some archive has called committed, without a gap. */
  archived = 0
  resyncs = 0
  readonly #world: World
  readonly #hashes = new Set<string>()
  readonly #owedByArchive = new Map<ArchiveId, Map<string, Owed>>()
  readonly #everything: Owed[] = []
  readonly #positions = new Map<ArchiveId, Position>()
  #channel: Channel | undefined
  #archive: ArchiveId | undefined
  #term: TermId | undefined
  #subscription = 0
  #state: 'down' | 'greeting' | 'located' | 'resyncing' | 'streaming' = 'down'
  /** Where the stream stands, and H of a resync. */
  #seq = 0
  #isWhole = false
  #request = 0
  #clientId = 0
  #n = 0
  /** The summary that is not compared, and whether it is the one of the first contact. */
  #comparing: number | undefined
  #isFirstContact = false
  readonly #asks = new Set<number>()
  readonly #uploads = new Set<string>()
  #pages: MessageOf<'changes'>[] = []
  #fetched = new Map<number, MessageOf<'fetched'>>()
  #isStopped = false

  constructor(world: World, name: string, number: number) {
    this.#world = world
    this.name = name
    this.instance = `${number}`.padStart(32, 'b') as InstanceId
    this.replica = `${number}`.padStart(32, 'a') as ReplicaId
    this.#clientId = number * 1_000
  }

  get isSettled(): boolean {
    if (this.#state !== 'streaming' || this.#archive === undefined) return false
    if (this.#comparing !== undefined || this.#isFirstContact || this.#uploads.size > 0)
      return false
    return this.#owed(this.#archive).size === 0
  }

  get seq(): number {
    return this.#seq
  }

  /** For whoever asks why a run hangs. */
  describe(): string {
    const owed = this.#archive === undefined ? undefined : this.#owed(this.#archive).size
    const pending = [...this.docs].filter(([, { doc }]) => doc.store.pendingStructs !== null)
    return JSON.stringify({
      name: this.name,
      state: this.#state,
      seq: this.#seq,
      owed,
      comparing: this.#comparing,
      asks: this.#asks.size,
      uploads: this.#uploads.size,
      first: this.#isFirstContact,
      pages: this.#pages.length,
      pending: pending.map(([id]) => id),
      unexpected: this.unexpected,
      content: this.content(),
    })
  }

  connect(): void {
    if (this.#state !== 'down' || this.#isStopped) return
    this.#state = 'greeting'
    const link = this.#world.network.dial(this.name, 'archive')
    const { clock } = this.#world
    const channel = new Channel({ link, clock, random: this.#world.random.fork(`${this.name} c`) })
    this.#channel = channel
    channel.onMessage((message) => {
      if (this.#channel === channel) this.#hear(message)
    })
    channel.onClose(() => {
      if (this.#channel !== channel) return
      this.#channel = undefined
      this.#state = 'down'
      clock.after(200 + this.#world.random.below(500), () => this.connect())
    })
    channel.start()
    this.#say({
      type: 'hello',
      version: 1,
      sender: { role: 'peer', replica: this.replica },
      instance: this.instance,
      collection,
      credential: { kind: 'none' },
      maxFrameBytes: frameBounds.maxBytes,
      maxMessageBytes: messageBounds.maxBytes,
      cursors: [],
    })
  }

  disconnect(): void {
    this.#channel?.abort('the test hangs up')
  }

  stop(): void {
    this.#isStopped = true
    this.#channel?.abort('the test is over')
  }

  edit(id: DocumentId, change: (doc: Y.Doc) => void): void {
    const held = this.#open(id)
    // What the edit itself says, and nothing of what is parked beside it.
    const updates: Uint8Array[] = []
    const note = (update: Uint8Array): void => {
      updates.push(update)
    }
    held.doc.on('update', note)
    held.doc.transact(() => change(held.doc))
    held.doc.off('update', note)
    const [bytes] = updates
    if (bytes === undefined) return
    const document = { id, generation: held.generation }
    this.#owe({ op: this.#nextOp(), document, kind: 'live', bytes })
  }

  /** Takes in an op of another replica, as over the mesh. */
  overMesh(op: OpId, document: DocumentRef, bytes: Uint8Array): void {
    const held = this.#open(document.id)
    if (held.generation !== document.generation) return
    Y.applyUpdate(held.doc, bytes)
    this.#hashes.add(hashOf(op, document, bytes))
    // It is carried, should its author be gone.
    this.#owe({ op, document, kind: 'live', bytes })
  }

  delete(id: DocumentId): void {
    const { generation } = this.#open(id)
    const document = { id, generation }
    this.#end(document)
    this.#owe({ op: this.#nextOp(), document, kind: 'tombstone', bytes: new Uint8Array(0) })
  }

  /** The last op that it made, for the mesh. */
  get lastOp(): Owed | undefined {
    return this.#everything.at(-1)
  }

  /** Text of every document, by id and generation: equal at everybody in the end. */
  content(): Readonly<Record<string, string>> {
    const all: [string, string][] = []
    for (const [id, { doc, generation }] of this.docs) {
      const json = JSON.stringify([doc.getText('body').toJSON(), sorted(doc.getMap('m').toJSON())])
      if (json !== '["",[]]' || generation > 0) all.push([`${id} ${generation}`, json])
    }
    return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  // What the archive says --------------------------------------------------------------------------

  #hear(message: Message): void {
    switch (message.type) {
      case 'hello':
        if (message.sender.role !== 'archive') return
        this.#archive = message.sender.archive
        this.#term = message.sender.term
        this.#say({ type: 'neighbours', list: 1, instances: this.others })
        this.#subscribe()
        this.#pushAll()
        return
      case 'subscribed':
        this.#subscribed(message)
        return
      case 'changes':
        if (message.subscription === this.#subscription) this.#pages.push(message)
        this.#take()
        return
      case 'fetched':
        this.#fetched.set(message.seq, message)
        this.#fetched.set(-message.request, message)
        this.#take()
        return
      case 'committed':
        for (const { op, gapped } of message.results) if (!gapped) this.#settle(op)
        this.#maybeResynced()
        return
      case 'refused':
        this.#refused(message)
        return
      case 'summary':
        this.#hearSummary(message)
        return
      case 'compared':
        if (message.request === this.#comparing) this.#comparing = undefined
        this.#maybeResynced()
        return
      case 'state':
        this.#give(message.document, message.stateVector)
        if (!message.inReturn) this.#askFor(message.document, true)
        return
      case 'update':
        this.#receive(message.document, copyOf(message.bytes))
        if (message.cause.kind === 'state') this.#asks.delete(message.cause.request)
        this.#maybeResynced()
        return
      case 'missing':
        this.#give(message.document, Uint8Array.of(0))
        return
      case 'error':
        this.#error(message)
        return
      case 'granted':
      case 'presence':
      case 'compacted':
        return
      default:
        this.unexpected.push(message.type)
    }
  }

  #error({ code, message, request, document }: MessageOf<'error'>): void {
    if (message === 0x12 && request !== undefined) {
      this.#asks.delete(request)
      if (code === 'document-deleted' && document !== undefined) this.#end(document)
      this.#maybeResynced()
    } else if (message === 0x29) this.#subscribe()
    else if (code === 'lease-ended') this.#subscribe()
    else this.unexpected.push(`${code} about ${message}`)
  }

  #subscribe(): void {
    if (this.#archive === undefined) return
    this.#state = 'located'
    this.#pages = []
    this.#fetched.clear()
    // What was asked on a link that has broken is never answered.
    this.#fetching.clear()
    const position = this.#positions.get(this.#archive)
    this.#isFirstContact = position === undefined
    const isGood = position?.isWhole === true || position?.cursor.term === this.#term
    const unknown = '0'.repeat(32) as TermId
    const cursor = position && { ...position.cursor, ...(!isGood && { term: unknown }) }
    this.#say({ type: 'subscribe', subscription: ++this.#subscription, ...(cursor && { cursor }) })
  }

  #subscribed({ subscription, outcome, head, archive, term }: MessageOf<'subscribed'>): void {
    if (subscription !== this.#subscription) return
    this.#asks.clear()
    this.#comparing = undefined
    if (outcome === 'behind' || outcome === 'head') {
      this.#state = 'streaming'
      this.#seq = this.#positions.get(archive)?.cursor.seq ?? 0
      this.#isWhole = this.#positions.get(archive)?.isWhole ?? false
      if (outcome === 'head') this.#moved(this.#seq, this.#seq)
      return
    }
    this.resyncs++
    this.#world.count('resync')
    this.#state = 'resyncing'
    this.#seq = head
    this.#term = term
    this.#compare()
  }

  #compare(): void {
    const documents = [...this.docs.keys()].map((id) => this.#held(id))
    this.#comparing = ++this.#request
    const by = { kind: 'page' as const, under: '', documents }
    this.#say({ type: 'summary', request: this.#comparing, by })
  }

  #hearSummary({ request, by }: MessageOf<'summary'>): void {
    if (by.kind !== 'page') {
      this.unexpected.push(`summary by ${by.kind}`)
      return
    }
    for (const theirs of by.documents) {
      const { document, digest } = theirs
      const { generation } = this.#open(document.id)
      if (document.generation > generation) {
        this.#end({ id: document.id, generation: document.generation - 1 })
      }
      const mine = this.#held(document.id)
      if (document.generation === mine.document.generation && digest !== mine.digest) {
        if (digest !== undefined) this.#askFor(document, false)
      }
    }
    this.#say({ type: 'compared', request, differing: 0 })
  }

  #askFor(document: DocumentRef, inReturn: boolean): void {
    const held = this.#open(document.id)
    if (held.generation !== document.generation) return
    const { digest } = this.#held(document.id)
    const request = ++this.#request
    this.#asks.add(request)
    this.#say({
      type: 'state',
      request,
      document,
      stateVector: Y.encodeStateVector(held.doc),
      ...(digest === undefined ? {} : { digest }),
      inReturn,
    })
  }

  #give(document: DocumentRef, stateVector: Uint8Array): void {
    const held = this.#open(document.id)
    if (held.generation !== document.generation || this.#archive === undefined) return
    const bytes = Y.encodeStateAsUpdate(held.doc, stateVector)
    const owed: Owed = { op: this.#nextOp(), document, kind: 'upload', bytes }
    this.#uploads.add(keyOf(owed.op))
    this.#owed(this.#archive).set(keyOf(owed.op), owed)
    this.#push([owed])
  }

  #maybeResynced(): void {
    if (this.#comparing !== undefined || this.#asks.size > 0 || this.#uploads.size > 0) return
    if (this.#state === 'streaming') this.#isFirstContact = false
    if (this.#state !== 'resyncing' || this.#archive === undefined) return
    this.#state = 'streaming'
    this.#isWhole = true
    this.#isFirstContact = false
    this.#keep()
    this.#say({ type: 'resynced', subscription: this.#subscription, seq: this.#seq })
  }

  // The stream -------------------------------------------------------------------------------------

  #take(): void {
    for (;;) {
      const [changes] = this.#pages
      if (changes === undefined || this.#state !== 'streaming') return
      const { page, compact } = changes
      if (page.after !== this.#seq)
        this.unexpected.push(`a page after ${page.after} at ${this.#seq}`)
      else {
        if (!this.#hasAll(page.entries)) return
        for (const entry of page.entries) this.#takeEntry(entry)
        this.#moved(page.through, page.head)
      }
      this.#pages.shift()
      if (compact !== undefined) this.#hint(compact)
    }
  }

  /** False: something has to be fetched first. */
  #hasAll(entries: MessageOf<'changes'>['page']['entries']): boolean {
    let isComplete = true
    for (const entry of entries) {
      const isHeld =
        entry.kind === 'place'
          ? this.#hashes.has(entry.hash)
          : entry.kind !== 'large-snapshot' ||
            this.#open(entry.document.id).generation > entry.document.generation
      if (isHeld || this.#fetched.has(-entry.seq)) continue
      isComplete = false
      const known = this.#fetched.get(-entry.seq)
      if (known !== undefined || this.#isFetching(entry.seq)) continue
      this.#world.count('fetch')
      // The request is the seq, so that the answer is found again.
      this.#fetching.add(entry.seq)
      this.#say({
        type: 'fetch',
        request: entry.seq,
        what:
          entry.kind === 'large-snapshot'
            ? {
                by: 'difference',
                document: entry.document,
                stateVector: Y.encodeStateVector(this.#open(entry.document.id).doc),
              }
            : { by: 'seq', seq: entry.seq },
      })
    }
    return isComplete
  }

  readonly #fetching = new Set<number>()

  #isFetching(seq: number): boolean {
    return this.#fetching.has(seq)
  }

  #takeEntry(entry: MessageOf<'changes'>['page']['entries'][number]): void {
    if (entry.kind === 'place' || entry.kind === 'large-snapshot') {
      const fetched = this.#fetched.get(-entry.seq)?.content
      this.#fetching.delete(entry.seq)
      if (fetched === undefined) return
      if (fetched.kind === 'tombstone') this.#end(fetched.document)
      else {
        this.#receive(fetched.document, fetched.bytes)
        if (fetched.kind !== 'row')
          for (const one of fetched.parked) this.#receive(fetched.document, one)
      }
      return
    }
    if (entry.kind === 'tombstone') {
      this.#end(entry.document)
      return
    }
    this.#receive(entry.document, entry.bytes)
    if (entry.kind === 'snapshot')
      for (const one of entry.parked) this.#receive(entry.document, one)
    else if (entry.op !== undefined) {
      this.#hashes.add(hashOf(entry.op, entry.document, entry.bytes))
    }
  }

  #moved(through: number, head: number): void {
    this.#seq = through
    if (through === head) this.#isWhole = true
    this.#keep()
    this.#say({ type: 'ack', subscription: this.#subscription, seq: through })
    // First contact: what this archive lacks is found by comparing, once all of it is here.
    if (through === head && this.#isFirstContact && this.#comparing === undefined) this.#compare()
  }

  #keep(): void {
    const [archive, term, seq] = [this.#archive, this.#term, this.#seq]
    if (archive === undefined || term === undefined) return
    this.#positions.set(archive, { cursor: { archive, term, seq }, isWhole: this.#isWhole })
  }

  #hint(document: DocumentRef): void {
    const held = this.#open(document.id)
    if (held.generation !== document.generation) return
    const snapshot = Y.encodeSnapshot(Y.snapshot(held.doc))
    this.#say({ type: 'hint', document, seq: this.#seq, snapshot })
  }

  // Pushing ----------------------------------------------------------------------------------------

  #owe(owed: Owed): void {
    if (owed.kind === 'live') this.#hashes.add(hashOf(owed.op, owed.document, owed.bytes))
    this.#everything.push(owed)
    for (const owedOps of this.#owedByArchive.values()) owedOps.set(keyOf(owed.op), owed)
    if (this.#state !== 'down' && this.#archive !== undefined) this.#push([owed])
  }

  #owed(archive: ArchiveId): Map<string, Owed> {
    const known = this.#owedByArchive.get(archive)
    if (known !== undefined) return known
    // Each archive is owed everything, until it has answered.
    const owed = new Map(this.#everything.map((one) => [keyOf(one.op), one]))
    this.#owedByArchive.set(archive, owed)
    return owed
  }

  #pushAll(): void {
    if (this.#archive === undefined) return
    this.#uploads.clear()
    const all = [...this.#owed(this.#archive).values()]
    for (let at = 0; at < all.length; at += 16) this.#push(all.slice(at, at + 16))
  }

  #push(ops: readonly Owed[]): void {
    const wire = ops.map(({ op, document, kind, bytes }) =>
      kind === 'tombstone' ? { kind, op, document } : { kind, op, document, bytes },
    )
    if (ops.length === 0) return
    // Mostly a lie: what it says of the others is only ever a saving.
    const isSaid = this.others.length > 0 && this.#world.random.below(4) === 0
    const neighbours = [this.#world.random.below(Math.max(1, this.others.length))]
    this.#say({ type: 'push', ops: wire, ...(isSaid && { reached: { list: 1, neighbours } }) })
  }

  #settle(op: OpId): void {
    this.archived++
    if (this.#archive !== undefined) this.#owed(this.#archive).delete(keyOf(op))
    this.#uploads.delete(keyOf(op))
  }

  #refused({ results, retryAfterMs }: MessageOf<'refused'>): void {
    for (const { op, code } of results) {
      if (nextAfter(code) === 'fatal') {
        if (code !== 'document-deleted') this.unexpected.push(`refused ${code}`)
        this.#settle(op)
        continue
      }
      const channel = this.#channel
      this.#world.clock.after(retryAfterMs ?? 100, () => {
        const owed = this.#archive && this.#owed(this.#archive).get(keyOf(op))
        if (owed && this.#channel === channel) this.#push([owed])
      })
    }
    this.#maybeResynced()
  }

  #nextOp(): OpId {
    return { instance: this.instance, n: ++this.#n }
  }

  // Documents --------------------------------------------------------------------------------------

  #open(id: DocumentId): { doc: Y.Doc; generation: number } {
    const known = this.docs.get(id)
    if (known !== undefined) return known
    const held = { doc: this.#newDoc(), generation: 0 }
    this.docs.set(id, held)
    return held
  }

  #newDoc(): Y.Doc {
    const doc = new Y.Doc()
    doc.clientID = ++this.#clientId
    return doc
  }

  #end({ id, generation }: DocumentRef): void {
    const held = this.#open(id)
    if (held.generation > generation) return
    this.docs.set(id, { doc: this.#newDoc(), generation: generation + 1 })
  }

  #receive(document: DocumentRef, bytes: Uint8Array): void {
    const held = this.#open(document.id)
    if (held.generation > document.generation) return
    if (held.generation < document.generation)
      this.#end({ ...document, generation: document.generation - 1 })
    Y.applyUpdate(this.#open(document.id).doc, copyOf(bytes))
  }

  #held(id: DocumentId): Held {
    const { doc, generation } = this.#open(id)
    const document = { id, generation }
    if (doc.store.clients.size === 0 && doc.store.pendingStructs === null) return { document }
    const isWhole = doc.store.pendingStructs === null && doc.store.pendingDs === null
    return { document, digest: isWhole ? digestOf(doc) : notWhole(this.instance) }
  }

  #say(message: Message): void {
    const bytes = encodeMessage(message)
    this.#channel?.sendEncoded(bytes, laneOf(message, bytes.length))
  }
}

function hashOf(op: OpId, document: DocumentRef, bytes: Uint8Array): string {
  return hexOf(
    createHash('sha256')
      .update(hashedOfOp(op, document, bytes))
      .digest()
      .subarray(0, 8),
  )
}

function notWhole(instance: InstanceId): Digest {
  return hexOf(createHash('sha256').update(bytesOfHex(instance)).digest()) as Digest
}

function keyOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}

function sorted(
  object: Readonly<Record<string, unknown>>,
): readonly (readonly [string, unknown])[] {
  return Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
