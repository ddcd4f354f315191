import { createHash } from 'node:crypto'
import {
  LogError,
  type AppendOp,
  type AppendOutcome,
  type Log,
  type NewSnapshot,
} from '@holdfast/archive'
import type { CollectionName, DocumentRef, Refusal } from '@holdfast/peer/protocol'
import type { Scenario, SeededRandom, World } from '@holdfast/peer/testing'
import * as Y from 'yjs'
import { buildFrom } from '../../contract/log/build.js'
import { contentOf, digestOf } from '../../contract/log/content.js'
import { collectionOf, documentOf, instanceOf, replicaOf } from '../../contract/log/names.js'
import { Reader } from '../../contract/log/reader.js'
import type { LogBackup, LogContract, LogSubject } from '../../contract/log/subject.js'
import { docOf, hasPending, type LiveOp, type Writer } from '../../contract/log/writer.js'
import { Author } from './author.js'
import { coverageOfAll, Model, type ModelDocument } from './model.js'

/** What has to have happened for a campaign to mean anything. */
export const mustHappen = [
  'edit',
  'row',
  'contained',
  'gap',
  'gap closed',
  'document-deleted',
  'rekey',
  'page',
  'ack',
  'ack-beyond-sent',
  'agreed',
  'published',
  'stale',
  'retired',
  'pruned entry read',
  'crash',
  'crash with ops under way',
  'restart',
  'restore',
  'resync',
  'deletion',
]

/** One run: random steps against one log, the invariants after each, and everybody equal at the end. */
export function logScenario({ setup }: LogContract): Scenario {
  return async (world) => {
    const subject = await setup({ ripeRows: 4, maxTailRows: 20, gapAgeMs: 30 * 60 * 1000 })
    try {
      const run = new Run(world, subject)
      const steps = 40 + world.random.below(60)
      for (let step = 0; step < steps; step++) {
        await run.step()
        await run.checkInvariants()
      }
      await run.heal()
    } finally {
      await subject.close()
    }
  }
}

const collections = [collectionOf('notes'), collectionOf('tasks')] as const
const documentIds = [documentOf('one').id, documentOf('two').id] as const
const minuteMs = 60_000

/** A reading replica and its lease. */
interface Subscriber {
  readonly number: number
  readonly reader: Reader
  instance: number
  /** Whether the opening that is under way has a lease for it. */
  subscribed: boolean
  acked: number
}

interface DocumentPlace {
  readonly collection: CollectionName
  readonly document: DocumentRef
}

class Run {
  readonly #world: World
  readonly #random: SeededRandom
  readonly #subject: LogSubject
  readonly #authors: readonly Author[]
  readonly #subscribers: readonly Subscriber[]
  #model = new Model()
  #backup: { readonly files: LogBackup; readonly model: Model } | undefined
  /** Snapshots that were built and not published yet. */
  #built: NewSnapshot[] = []
  #undoCommits = (): void => {}
  /** What was compacted lately, mostly with rows to retire. */
  #published: DocumentPlace[] = []
  /** Whether the last step did anything to the log. */
  #touched = false
  /** What was wrong with an announcement: a listener's own throw would only be logged. */
  #misheard: string | undefined

  constructor(world: World, subject: LogSubject) {
    this.#world = world
    this.#random = world.random
    this.#subject = subject
    this.#authors = [1, 2, 3].map((number) => new Author(number, world.random))
    this.#subscribers = [1, 2, 3, 4].map((number) => ({
      number,
      reader: new Reader(collections[number < 4 ? 0 : 1]),
      instance: number * 1_000,
      subscribed: false,
      acked: 0,
    }))
    this.#listen()
  }

  async step(): Promise<void> {
    const act = this.#weighted<() => void | Promise<void>>([
      [12, () => this.#edit()],
      [4, () => this.#mesh()],
      [14, () => this.#push()],
      [6, () => this.#upload()],
      [2, () => this.#forge()],
      [16, () => this.#read()],
      [12, () => this.#ack()],
      [3, () => this.#hint()],
      [7, () => this.#build()],
      [9, () => this.#publish()],
      [3, () => this.#settle()],
      [10, () => this.#retire()],
      [2, () => this.#crash()],
      [2, () => this.#crashUnderWay()],
      [2, () => this.#restart()],
      [1, () => this.#copy()],
      [1, () => this.#restore()],
      [1, () => this.#delete()],
      [3, () => this.#pass()],
    ])
    await act()
  }

  // ------------------------------------------------------------------------------- the steps

  #edit(): void {
    const writer = this.#pickWriter()
    for (let edits = 1 + this.#random.below(3); edits > 0; edits--) {
      const op = writer.author.edit(writer.at)
      if (op !== undefined) this.#note('edit', nameOf(op))
    }
  }

  #mesh(): void {
    const { at } = this.#pickWriter()
    const other = this.#random.pick(this.#authors).at(at.collection, at.document)
    if (other === at) return
    at.learn({ bytes: Y.encodeStateAsUpdate(other.ydoc, Y.encodeStateVector(at.ydoc)) })
  }

  async #push(): Promise<void> {
    const calls = Array.from({ length: 1 + this.#random.below(3) }, () => this.#pickOps())
    const outcomes = await Promise.all(calls.map((ops) => this.#log.append(ops)))
    for (const [at, ops] of calls.entries()) await this.#answered(ops, outcomes[at] ?? [])
  }

  async #upload(): Promise<void> {
    const { author, at } = this.#pickWriter()
    const op = author.upload(at)
    await this.#answered([op], await this.#log.append([op]))
  }

  async #forge(): Promise<void> {
    const ops = this.#allOps()
    if (ops.length < 2) return
    const [op, other] = [this.#random.pick(ops), this.#random.pick(ops)]
    const forged = { ...other, id: op.id }
    if (Buffer.compare(op.bytes, other.bytes) === 0) return
    if (!this.#model.ids.has(idOf(forged)) || this.#isDeleted(other)) return
    const [outcome] = await this.#log.append([forged])
    if (outcome?.status !== 'refused' || outcome.refusal.code !== 'rekey') {
      throw new Error(`other bytes under ${idOf(op)} were not refused with rekey`)
    }
    this.#note('rekey', idOf(op))
  }

  async #read(): Promise<void> {
    const subscriber = this.#random.pick(this.#subscribers)
    const { reader } = subscriber
    await this.#subscribe(subscriber)
    const before = reader.received.length
    const limits = { maxEntries: 1 + this.#random.below(6), maxBytes: 50 + this.#random.below(500) }
    const key = this.#leaseOf(subscriber)
    const snapshots = this.#random.chance(0.3) ? { maxSnapshotBytes: 40 } : {}
    await reader.readPage(this.#log, { ...(this.#random.chance(0.2) ? {} : limits), ...snapshots })
    // Silent for too long it may have been forgotten: the next page subscribes anew.
    const isHeld = (await this.#log.leases.sent(key, reader.seq)) === 'ok'
    if (!isHeld) subscriber.subscribed = false
    const entries = reader.received.slice(before)
    this.#note('page', `${subscriber.number} to ${reader.seq}: ${entries.join(', ')}`)
    if (entries.some((entry) => entry.startsWith('snapshot')))
      this.#world.count('pruned entry read')
  }

  async #ack(): Promise<void> {
    const subscriber = this.#random.pick(this.#subscribers)
    if (!subscriber.subscribed) return
    const key = this.#leaseOf(subscriber)
    const { leases } = this.#log
    const lease = (await leases.list(key.collection)).find((one) => one.instance === key.instance)
    if (lease === undefined) {
      subscriber.subscribed = false
      return
    }
    if (this.#random.chance(0.2)) {
      expectAnswer(await leases.ack(key, lease.sent + 1 + this.#random.below(9)), 'ack-beyond-sent')
      this.#note('ack-beyond-sent', `${subscriber.number}`)
    }
    expectAnswer(await leases.ack(key, subscriber.reader.seq), 'ok')
    subscriber.acked = subscriber.reader.seq
    if (this.#random.chance(0.3)) await leases.live(key, this.#random.chance(0.5))
    this.#note('ack', `${subscriber.number} ${subscriber.acked}`)
  }

  async #hint(): Promise<void> {
    const subscriber = this.#random.pick(this.#subscribers)
    if (!subscriber.subscribed) return
    const { reader, acked: seq } = subscriber
    const document = this.#model.liveGeneration(reader.collection, this.#random.pick(documentIds))
    const snapshot = Y.encodeSnapshot(Y.snapshot(reader.docOf(document)))
    const lease = this.#leaseOf(subscriber)
    const judged = await this.#log.compaction.judgeHint({ lease, document, seq, snapshot })
    if (judged.verdict === 'laggard') {
      throw new Error(`reader ${subscriber.number} holds what it acked, and is called a laggard`)
    }
    this.#note(judged.verdict, `${subscriber.number} ${seq}`)
  }

  async #build(): Promise<void> {
    const { collection, document } = this.#pickDocument()
    const snapshot = await buildFrom(this.#log, document, collection)
    if (snapshot === undefined) return
    this.#built.push(snapshot)
    this.#note('built', `${document.id} ${snapshot.base} to ${snapshot.through}`)
  }

  async #publish(): Promise<void> {
    if (this.#built.length === 0) return
    const [snapshot] = this.#built.splice(this.#random.below(this.#built.length), 1)
    if (snapshot === undefined) return
    const outcome = await this.#log.compaction.publish(snapshot)
    const { document, base, through } = snapshot
    this.#note(outcome, `${document.id} ${base} to ${through}`)
    if (outcome === 'published') this.#published.push(snapshot)
    if (outcome === 'incomplete') throw new Error('an honest snapshot was called incomplete')
  }

  async #settle(): Promise<void> {
    const { collection, document } = this.#pickDocument()
    const outcome = await this.#log.compaction.settle(collection, document)
    this.#note(outcome, document.id)
    if (outcome === 'damaged') throw new Error('a snapshot was called damaged')
  }

  async #retire(): Promise<void> {
    const { collection, document } = this.#random.pick(
      this.#published.length > 0 ? this.#published : [this.#pickDocument()],
    )
    const others = await this.#floors()
    const maxRows = 1 + this.#random.below(6)
    const before = (await this.#log.latest(collection, document.id))?.prunedThrough ?? 0
    const result = await this.#log.compaction.retire(collection, document, maxRows)
    const after = (await this.#log.latest(collection, document.id))?.prunedThrough ?? 0
    if (result.removed > maxRows) throw new Error(`${result.removed} rows retired`)
    if (result.removed > 0) {
      if (after <= before || after !== result.prunedThrough) throw new Error('a floor not raised')
      this.#note('retired', `${document.id} ${result.removed} through ${after}`)
    }
    const key = nameOfDocument({ collection, document })
    for (const [other, floor] of await this.#floors()) {
      if (other !== key && others.get(other) !== floor) throw new Error(`${other} was moved too`)
    }
  }

  async #crash(): Promise<void> {
    await this.#subject.crash()
    this.#note('crash')
    this.#reopened()
  }

  /** Ops are on their way when the process dies: nobody may have been answered. */
  async #crashUnderWay(): Promise<void> {
    const held = this.#subject.hold?.()
    const calls = [this.#pickOps(), this.#pickOps()].map((ops) => ({ ops, outcomes: unanswered }))
    for (const call of calls) {
      // The process dies: whether it still rejects, or hangs for ever, is all the same.
      void settle(this.#log.append(call.ops), call)
    }
    if (held !== undefined && calls.some(({ ops }) => ops.some((op) => this.#isNew(op)))) {
      await held.waiting
    }
    await this.#subject.crash()
    held?.release()
    for (const { ops, outcomes } of calls)
      if (outcomes !== unanswered) await this.#answered(ops, outcomes)
    this.#note('crash with ops under way')
    this.#reopened()
  }

  async #restart(): Promise<void> {
    await this.#subject.reopen()
    this.#note('restart')
    this.#reopened()
  }

  async #copy(): Promise<void> {
    this.#backup = { files: await this.#subject.backup(), model: new Model(this.#model) }
    this.#note('copy')
  }

  async #restore(): Promise<void> {
    if (this.#backup === undefined) return
    await this.#subject.restore(this.#backup.files)
    this.#model = new Model(this.#backup.model)
    this.#built = []
    this.#published = []
    this.#note('restore')
    this.#reopened()
  }

  async #delete(): Promise<void> {
    const { collection, document } = this.#pickDocument()
    await this.#end(collection, document)
  }

  async #pass(): Promise<void> {
    const ms = this.#random.pick([1, 40, 2_000]) * minuteMs
    await this.#subject.advance(ms)
    this.#note('time', `${ms}`)
  }

  // --------------------------------------------------------------------------- the invariants

  async checkInvariants(): Promise<void> {
    if (this.#misheard !== undefined) throw new Error(this.#misheard)
    const wasTouched = this.#touched
    this.#touched = false
    for (const collection of collections) {
      if (wasTouched) await this.#checkDocuments(collection, await this.#readWhole(collection))
      await this.#checkReaders(collection)
      for (const { sent, ack } of await this.#log.leases.list(collection)) {
        if (ack > sent || sent > this.#model.headOf(collection)) throw new Error('ack beyond sent')
      }
    }
  }

  /** [I1] Everything there is, by the stream, in pages of a random size. */
  async #readWhole(collection: CollectionName): Promise<Reader> {
    const reader = new Reader(collection)
    await reader.readAll(this.#log, { maxEntries: 1 + this.#random.below(50) })
    this.#model.sawHead(collection, reader.seq)
    return reader
  }

  /** [I2] [I4] [I11] What was acknowledged is in it; gaps are marked where Yjs has something pending. */
  async #checkDocuments(collection: CollectionName, whole: Reader): Promise<void> {
    const { documents } = await this.#log.documents({ collection, limit: 1_000 })
    for (const { document, deleted, gapped, lastSeq, prunedThrough, snapshotBytes } of documents) {
      const model = this.#model.of(collection, document)
      if (model.deleted && !deleted) throw new Error(`${nameOfDocument(model)} is back`)
      if (deleted) continue
      if (prunedThrough > lastSeq || (prunedThrough > 0 && snapshotBytes === 0)) {
        throw new Error(`${document.id} is pruned without a snapshot`)
      }
      this.#checkHolds(model, Infinity, whole.updatesOf(document), 'the log')
      const isPending = hasPending(whole.docOf(document))
      if (isPending !== gapped) {
        throw new Error(`${document.id} is ${gapped ? '' : 'not '}called gapped, and Yjs disagrees`)
      }
    }
  }

  /**
   * [I5] [I6] What was acknowledged at or below a cursor is with the reader whose cursor it is, or
   * in a snapshot that stands further on: then it is there once the reader has been at the head.
   */
  async #checkReaders(collection: CollectionName): Promise<void> {
    const floors = await this.#floors()
    for (const { reader, number, subscribed } of this.#subscribers) {
      if (reader.collection !== collection || !subscribed) continue
      for (const model of this.#model.documents) {
        if (model.collection !== collection || model.deleted) continue
        const standsFurtherOn = (floors.get(nameOfDocument(model)) ?? 0) > reader.seq
        const through = standsFurtherOn ? reader.wholeThrough : reader.seq
        this.#checkHolds(model, through, reader.updatesOf(model.document), `reader ${number}`)
      }
    }
  }

  #checkHolds(
    model: ModelDocument,
    through: number,
    updates: readonly Uint8Array[],
    who: string,
  ): void {
    const held = coverageOfAll(updates)
    for (const { seq, coverage } of model.acked) {
      if (seq <= through && !held.contains(coverage)) {
        throw new Error(`${who} lacks what was acknowledged at ${nameOfDocument(model)}@${seq}`)
      }
    }
  }

  // ---------------------------------------------------------------------------------- the end

  /** Everybody sends all that they hold, reads on, and is equal to everybody else. */
  async heal(): Promise<void> {
    for (const author of this.#authors) {
      for (const { ops } of author.writers) await this.#pushAll(ops)
    }
    for (const subscriber of this.#subscribers) {
      await this.#subscribe(subscriber)
      await subscriber.reader.readAll(this.#log)
      await this.#log.leases.end(this.#leaseOf(subscriber))
    }
    await this.checkInvariants()
    for (const model of this.#model.documents) {
      if (!model.deleted && model.acked.length > 0) await this.#checkEqual(model)
    }
  }

  async #pushAll(ops: readonly LiveOp[]): Promise<void> {
    const outcomes = await this.#log.append(ops)
    await this.#answered(ops, outcomes)
    const isEarly = outcomes.some(
      (outcome) => outcome.status === 'refused' && outcome.refusal.code === 'predecessors-first',
    )
    if (isEarly) await this.#pushAll(ops)
  }

  async #checkEqual(model: ModelDocument): Promise<void> {
    const { collection, document } = model
    const expected = docOf(model.acked.map(({ bytes }) => bytes))
    if (hasPending(expected)) throw new Error('the model has a gap')
    const source = await this.#log.compaction.source(collection, document)
    if (source === undefined) throw new Error(`${nameOfDocument(model)} cannot be compacted`)
    const states = async (): Promise<readonly [string, Y.Doc][]> => {
      const state = await this.#log.state(collection, document)
      const fresh = await new Reader(collection).readAll(this.#log)
      return [
        ['the log', docOf([state?.bytes ?? new Uint8Array(), ...(state?.parked ?? [])])],
        ['a fresh reader', fresh.docOf(document)],
      ]
    }
    const docs = [...(await states())]
    for (const { reader, number } of this.#subscribers) {
      if (reader.collection === collection) docs.push([`reader ${number}`, reader.docOf(document)])
    }
    await this.#compact(collection, document)
    docs.push(...(await states()))
    for (const [who, doc] of docs) {
      if (digestOf(doc) !== digestOf(expected) || contentOf(doc) !== contentOf(expected)) {
        throw new Error(`${who} has another ${document.id} than the model`)
      }
    }
  }

  async #compact(collection: CollectionName, document: DocumentRef): Promise<void> {
    const snapshot = await buildFrom(this.#log, document, collection)
    if (snapshot === undefined) throw new Error(`${document.id} cannot be compacted`)
    const published = await this.#log.compaction.publish(snapshot)
    if (published !== 'published') throw new Error(`the last snapshot is ${published}`)
    while ((await this.#log.compaction.retire(collection, document, 7)).more) continue
    const { rows } = await this.#log.statistics()
    this.#world.trace.line(`compacted ${document.id}, ${rows} rows are left`)
  }

  // ---------------------------------------------------------------------------------- helpers

  get #log(): Log {
    return this.#subject.log
  }

  #note(what: string, detail = ''): void {
    if (!untouching.has(what)) this.#touched = true
    this.#world.count(what)
    this.#world.trace.line(`${what} ${detail}`)
  }

  /** Every entry is announced, in order, without a hole. */
  #listen(): void {
    this.#undoCommits()
    const { term } = this.#log
    this.#undoCommits = this.#log.onCommit((commit) => {
      if (commit.term !== term) this.#misheard = 'announced under another term'
      for (const { collection, entry } of commit.entries) {
        const next = this.#model.headOf(collection) + 1
        if (entry.seq !== next) {
          this.#misheard = `${collection}@${entry.seq} announced, not ${next}`
        }
        const what = entry.kind === 'row' ? hashOf(entry.bytes) : 'tombstone'
        this.#model.sawEntry(collection, entry.seq, `${entry.document.id} ${what}`)
        this.#model.sawHead(collection, entry.seq)
      }
      for (const { missing } of commit.gaps)
        this.#world.count(missing.size > 0 ? 'gap' : 'gap closed')
    })
  }

  #reopened(): void {
    for (const subscriber of this.#subscribers) subscriber.subscribed = false
    this.#listen()
  }

  async #answered(ops: readonly AppendOp[], outcomes: readonly AppendOutcome[]): Promise<void> {
    for (const [at, op] of ops.entries()) {
      const outcome = outcomes[at]
      if (outcome === undefined) throw new Error('an op without an outcome')
      if (outcome.status === 'refused') {
        await this.#refused(op, outcome.refusal)
        continue
      }
      const { seq, added, gapped } = outcome
      this.#note(added ? 'row' : 'contained', `${nameOf(op)} ${seq}${gapped ? ' gapped' : ''}`)
      this.#model.acknowledge(op.collection, op.document, seq, op.bytes)
      if (op.kind === 'live' && op.id !== undefined) {
        this.#model.ids.set(idOf({ ...op, id: op.id }), hashOf(op.bytes))
      }
    }
  }

  async #refused(op: AppendOp, { code, detail }: Refusal): Promise<void> {
    this.#note(code, nameOf(op))
    if (code === 'document-deleted' && this.#isDeleted(op)) return
    // A restored archive may have lost the end of the generation before: its author sends it again.
    const generation = op.document.generation - 1
    if (code !== 'predecessors-first' || generation < 0) throw new Error(`${code}: ${detail}`)
    await this.#end(op.collection, { ...op.document, generation })
  }

  async #end(collection: CollectionName, document: DocumentRef): Promise<void> {
    const outcome = await this.#log.delete(collection, document)
    if (outcome.status === 'refused') throw new Error(outcome.refusal.detail)
    this.#model.end(collection, document)
    this.#note('deletion', `${document.id}/${document.generation} ${outcome.seq}`)
  }

  async #subscribe(subscriber: Subscriber): Promise<void> {
    if (subscriber.subscribed) return
    const { reader } = subscriber
    const { collection, cursor } = reader
    if (cursor !== undefined) {
      const { standing } = await this.#log.locate(collection, cursor)
      if (standing === 'ahead' || standing === 'unknown-term') await this.#resync(reader)
    }
    if (this.#random.chance(0.5)) subscriber.instance++
    let started = await this.#log.leases.start(this.#leaseOf(subscriber), reader.seq)
    if (started === 'replica-in-use') {
      subscriber.instance--
      started = await this.#log.leases.start(this.#leaseOf(subscriber), reader.seq)
    }
    if (started !== 'started') throw new Error(started)
    subscriber.subscribed = true
    subscriber.acked = reader.seq
  }

  /** Both directions: first what the reader holds goes up, then all that is there comes down. */
  async #resync(reader: Reader): Promise<void> {
    const { collection } = reader
    const head = await this.#log.head(collection)
    for (const document of reader.documents) {
      if (reader.hasDeleted(document)) {
        await this.#end(collection, document)
        continue
      }
      const bytes = Y.mergeUpdates([...reader.updatesOf(document)])
      const upload = { collection, document, kind: 'upload' as const, bytes }
      const [outcome] = await this.#log.append([upload])
      if (outcome !== undefined) await this.#answered([upload], [outcome])
    }
    for (const { document, deleted } of (await this.#log.documents({ collection, limit: 1_000 }))
      .documents) {
      const state = await this.#log.state(collection, document)
      if (deleted) reader.markDeleted(document)
      else if (state !== undefined) reader.take(document, state.bytes, ...state.parked)
    }
    reader.cursor = { archive: this.#log.archive, term: this.#log.term, seq: head }
    reader.wholeThrough = head
    this.#note('resync', `to ${head}`)
  }

  #leaseOf({ reader, number, instance }: Subscriber) {
    return {
      collection: reader.collection,
      replica: replicaOf(number),
      instance: instanceOf(instance),
    }
  }

  async #floors(): Promise<ReadonlyMap<string, number>> {
    const floors = new Map<string, number>()
    for (const collection of collections) {
      const { documents } = await this.#log.documents({ collection, limit: 1_000 })
      for (const { document, prunedThrough } of documents) {
        floors.set(nameOfDocument({ collection, document }), prunedThrough)
      }
    }
    return floors
  }

  #pickDocument(): DocumentPlace {
    const collection = collections[this.#random.chance(0.8) ? 0 : 1]
    const document = this.#model.liveGeneration(collection, this.#random.pick(documentIds))
    return { collection, document }
  }

  #pickWriter(): { readonly author: Author; readonly at: Writer } {
    const { collection, document } = this.#pickDocument()
    const author = this.#random.pick(this.#authors)
    return { author, at: author.at(collection, document) }
  }

  /** Some ops of one author: the next in order, or any that are new, or any at all. */
  #pickOps(): readonly LiveOp[] {
    const random = this.#random
    const writers = this.#authors.flatMap(({ writers }) => writers)
    if (writers.length === 0) return []
    const { ops } = random.pick(writers)
    const fresh = ops.filter((op) => !this.#model.ids.has(idOf(op)))
    const count = 1 + random.below(4)
    const way = random.below(10)
    if (way < 5) return fresh.slice(0, count)
    return random.shuffled(way < 8 ? fresh : ops).slice(0, count)
  }

  #allOps(): readonly LiveOp[] {
    return this.#authors.flatMap(({ writers }) => writers).flatMap(({ ops }) => ops)
  }

  #isNew(op: AppendOp): boolean {
    if (this.#isDeleted(op)) return false
    const held = coverageOfAll(
      this.#model.of(op.collection, op.document).acked.map(({ bytes }) => bytes),
    )
    return !held.contains(coverageOfAll([op.bytes]).toCoverage())
  }

  #isDeleted({ collection, document }: AppendOp): boolean {
    return this.#model.liveGeneration(collection, document.id).generation > document.generation
  }

  #weighted<T>(choices: readonly (readonly [number, T])[]): T {
    let left = this.#random.below(choices.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, choice] of choices) {
      left -= weight
      if (left < 0) return choice
    }
    throw new Error('no choices')
  }
}

/** After these steps the log holds what it held before. */
const untouching = new Set(['edit', 'page', 'ack', 'ack-beyond-sent', 'agreed', 'built', 'copy'])

const unanswered: readonly AppendOutcome[] = []

async function settle(
  appended: Promise<readonly AppendOutcome[]>,
  call: { outcomes: readonly AppendOutcome[] },
): Promise<void> {
  try {
    call.outcomes = await appended
  } catch (error) {
    if (!(error instanceof LogError)) throw error
  }
}

function expectAnswer(answer: string, expected: string): void {
  if (answer !== expected) throw new Error(`a lease answered ${answer}, not ${expected}`)
}

function idOf({ collection, id }: Pick<LiveOp, 'collection' | 'id'>): string {
  return `${collection} ${id.instance} ${id.n}`
}

function nameOfDocument({ collection, document }: DocumentPlace): string {
  return `${collection}/${document.id}/${document.generation}`
}

function nameOf({ collection, document, kind, id }: AppendOp): string {
  const op = kind === 'live' ? `${id?.instance.slice(-1)}.${id?.n}` : 'upload'
  return `${collection}/${document.id}/${document.generation} ${op}`
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}
