import { createHash } from 'node:crypto'
import type { AppendOp, AppendOutcome, Commit, Log, NewSnapshot } from '@holdfast/archive'
import type { CollectionName, DocumentRef, Refusal } from '@holdfast/peer/protocol'
import type { SeededRandom, World } from '@holdfast/peer/testing'
import { collectionOf, documentOf } from '../../contract/log/names.js'
import { Reader } from '../../contract/log/reader.js'
import type { LogBackup, LogSubject } from '../../contract/log/subject.js'
import type { LiveOp, Writer } from '../../contract/log/writer.js'
import { Author } from './author.js'
import { coverageOfAll, Model } from './model.js'

/** A reading replica and its lease. */
export interface Subscriber {
  readonly number: number
  readonly reader: Reader
  instance: number
  /** Whether the opening that is under way has a lease for it. */
  subscribed: boolean
  acked: number
}

export interface DocumentPlace {
  readonly collection: CollectionName
  readonly document: DocumentRef
}

export const collections = [collectionOf('notes'), collectionOf('tasks')] as const
export const documentIds = [documentOf('one').id, documentOf('two').id] as const

/** Everybody in one random schedule: a log, those who write, those who read, and what it owes them. */
export class LogRun {
  readonly world: World
  readonly random: SeededRandom
  readonly subject: LogSubject
  readonly authors: readonly Author[]
  readonly subscribers: readonly Subscriber[]
  model = new Model()
  backup: { readonly files: LogBackup; readonly model: Model } | undefined
  /** Snapshots that were built and not published yet. */
  built: NewSnapshot[] = []
  /** What was compacted lately, mostly with rows to retire. */
  published: DocumentPlace[] = []
  /** Whether the last step may have changed what the log holds. */
  touched = false
  /** What was wrong with an announcement: a listener's own throw would only be logged. */
  misheard: string | undefined
  #undoCommits = (): void => {}

  constructor(world: World, subject: LogSubject) {
    this.world = world
    this.random = world.random
    this.subject = subject
    this.authors = [1, 2, 3].map((number) => new Author(number, world.random))
    this.subscribers = [1, 2, 3, 4].map((number) => ({
      number,
      reader: new Reader(collections[number < 4 ? 0 : 1]),
      instance: number * 1_000,
      subscribed: false,
      acked: 0,
    }))
    this.#listen()
  }

  get log(): Log {
    return this.subject.log
  }

  note(what: string, detail = ''): void {
    if (!untouching.has(what)) this.touched = true
    this.world.count(what)
    this.world.trace.line(`${what} ${detail}`)
  }

  /** Another opening: nobody is subscribed there. */
  reopened(): void {
    for (const subscriber of this.subscribers) subscriber.subscribed = false
    this.#listen()
  }

  /** What was committed is owed from now on; what was refused has to have been for a reason. */
  async answered(ops: readonly AppendOp[], outcomes: readonly AppendOutcome[]): Promise<void> {
    for (const [at, op] of ops.entries()) {
      const outcome = outcomes[at]
      if (outcome === undefined) throw new Error('an op without an outcome')
      if (outcome.status === 'refused') {
        await this.#refused(op, outcome.refusal)
        continue
      }
      const { seq, added, gapped } = outcome
      this.note(added ? 'row' : 'contained', `${nameOf(op)} ${seq}${gapped ? ' gapped' : ''}`)
      this.model.acknowledge(op.collection, op.document, seq, op.bytes)
      if (op.kind === 'live' && op.id !== undefined) {
        this.model.ids.set(idOf({ ...op, id: op.id }), hashOf(op.bytes))
      }
    }
  }

  /** Ends a generation. */
  async end(collection: CollectionName, document: DocumentRef): Promise<void> {
    const outcome = await this.log.delete(collection, document)
    if (outcome.status === 'refused') throw new Error(outcome.refusal.detail)
    this.model.end(collection, document)
    this.note('deletion', `${nameOfDocument({ collection, document })} ${outcome.seq}`)
  }

  isDeleted({ collection, document }: DocumentPlace): boolean {
    return this.model.liveGeneration(collection, document.id).generation > document.generation
  }

  /** Whether the log, as far as anybody was told, does not hold all of it. */
  isNew(op: AppendOp): boolean {
    if (this.isDeleted(op)) return false
    const { acked } = this.model.of(op.collection, op.document)
    const held = coverageOfAll(acked.map(({ bytes }) => bytes))
    return !held.contains(coverageOfAll([op.bytes]).toCoverage())
  }

  get allOps(): readonly LiveOp[] {
    return this.authors.flatMap(({ writers }) => writers).flatMap(({ ops }) => ops)
  }

  /** A document that lives, mostly in the first collection. */
  pickDocument(): DocumentPlace {
    const collection = collections[this.random.chance(0.8) ? 0 : 1]
    const document = this.model.liveGeneration(collection, this.random.pick(documentIds))
    return { collection, document }
  }

  pickWriter(): { readonly author: Author; readonly writer: Writer } {
    const { collection, document } = this.pickDocument()
    const author = this.random.pick(this.authors)
    return { author, writer: author.at(collection, document) }
  }

  /** Some ops of one author: the next in order, or any that are new, or any at all. */
  pickOps(): readonly LiveOp[] {
    const writers = this.authors.flatMap((author) => author.writers)
    if (writers.length === 0) return []
    const { ops } = this.random.pick(writers)
    const fresh = ops.filter((op) => !this.model.ids.has(idOf(op)))
    const count = 1 + this.random.below(4)
    const way = this.random.below(10)
    if (way < 5) return fresh.slice(0, count)
    return this.random.shuffled(way < 8 ? fresh : ops).slice(0, count)
  }

  async #refused(op: AppendOp, { code, detail }: Refusal): Promise<void> {
    this.note(code, nameOf(op))
    if (code === 'document-deleted' && this.isDeleted(op)) return
    // A restored archive may have lost the end of the generation before: its author sends it again.
    const generation = op.document.generation - 1
    if (code !== 'predecessors-first' || generation < 0) throw new Error(`${code}: ${detail}`)
    await this.end(op.collection, { ...op.document, generation })
  }

  #listen(): void {
    this.#undoCommits()
    const { term } = this.log
    this.#undoCommits = this.log.onCommit((commit) => {
      if (commit.term !== term) this.misheard = 'announced under another term'
      this.#hear(commit)
    })
  }

  /** Every entry is announced, in order, without a hole. */
  #hear({ entries, gaps }: Commit): void {
    for (const { collection, entry } of entries) {
      const next = this.model.headOf(collection) + 1
      if (entry.seq !== next) this.misheard = `${collection}@${entry.seq} announced, not ${next}`
      const what = entry.kind === 'row' ? hashOf(entry.bytes) : 'tombstone'
      this.model.sawEntry(collection, entry.seq, `${entry.document.id} ${what}`)
      this.model.sawHead(collection, entry.seq)
    }
    for (const { missing } of gaps) this.world.count(missing.size > 0 ? 'gap' : 'gap closed')
  }
}

/** After these the log holds what it held before. */
const untouching = new Set(['edit', 'page', 'ack', 'ack-beyond-sent', 'agreed', 'built', 'copy'])

export function idOf({ collection, id }: Pick<LiveOp, 'collection' | 'id'>): string {
  return `${collection} ${id.instance} ${id.n}`
}

export function nameOfDocument({ collection, document }: DocumentPlace): string {
  return `${collection}/${document.id}/${document.generation}`
}

export function nameOf(op: AppendOp): string {
  const id = op.kind === 'live' ? `${op.id?.instance.slice(-1)}.${op.id?.n}` : 'upload'
  return `${nameOfDocument(op)} ${id}`
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}
