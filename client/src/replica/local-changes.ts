import type { LocalOp } from '@holdfast/peer'
import type { Clock, Undo } from '@holdfast/peer/ports'
import type { DocumentId, DocumentRef, InstanceId, OpId } from '@holdfast/peer/protocol'
import { ClientError } from '../errors.js'
import type { CollectionStore } from '../store/collection-store.js'
import type { Books } from './books.js'
import { Draft, endGeneration } from './draft.js'
import { replicaBounds as bounds } from './limits.js'
import type { Serial } from './serial.js'

/*
 * What was changed here, on its way into the store.
 *
 *   edited ──► waiting ──► one transaction { update row, outbox row } ──► saved ──► told to the mesh
 *                 ▲                         │ the store fails
 *                 └──── 250 ms … 10 s ──────┘
 *
 * In order, all that waits together. An op keeps its id and its bytes however often it is tried.
 */

export interface LocalChangesOptions {
  readonly store: CollectionStore
  readonly books: Books
  readonly serial: Serial
  readonly clock: Clock
  readonly instance: InstanceId
  /** Ops are owed to archives. Without any, what the store holds is compared at the first contact. */
  readonly owesOps: () => boolean
  /** Durable now: spread it. */
  readonly saved: (op: LocalOp, isOwn: boolean) => void
  /** Of a generation that had ended when it was to be stored, or could be sent: it was set aside. */
  readonly tooLate: (op: OpId, document: DocumentRef) => void
  readonly ended: (document: DocumentRef) => void
  /** Counts have changed. */
  readonly changed: (id: DocumentId) => void
  /** The store fails, or undefined: works again. */
  readonly failing: (error: ClientError | undefined) => void
}

type LocalChange =
  | {
      /** An `upload` is a state: of whoever wrote it, under their names. */
      readonly kind: 'edit' | 'upload'
      readonly op: OpId
      readonly document: DocumentRef
      readonly bytes: Uint8Array
    }
  | {
      readonly kind: 'end'
      readonly op: OpId
      readonly document: DocumentRef
      readonly isOwn: boolean
    }

/** An edit that is in memory alone. */
export interface UnsavedEdit {
  readonly op: OpId
  readonly document: DocumentRef
  readonly bytes: Uint8Array
}

export class LocalChanges {
  readonly #options: LocalChangesOptions
  #instance: InstanceId
  #n = 0
  #waiting: LocalChange[] = []
  readonly #waitingById = new Map<DocumentId, number>()
  /** The generations that live once what waits is stored. */
  readonly #endingById = new Map<DocumentId, number>()
  /** Changes that were added, and that are durable, since the opening. */
  #added = 0
  #saved = 0
  #waiters: {
    readonly through: number
    readonly resolve: () => void
    readonly reject: (error: unknown) => void
  }[] = []
  #failures = 0
  #error: ClientError | undefined
  #retry: Undo | undefined
  #working: Promise<void> | undefined
  #isClosed = false

  constructor(options: LocalChangesOptions) {
    this.#options = options
    this.#instance = options.instance
  }

  /** Changes of this document that are in memory alone. */
  waitingOf(id: DocumentId): number {
    return this.#waitingById.get(id) ?? 0
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  /** What of this document waits, oldest first. */
  editsOf(id: DocumentId): readonly Uint8Array[] {
    return this.unsavedOf(id).map(({ bytes }) => bytes)
  }

  unsavedOf(id: DocumentId): readonly UnsavedEdit[] {
    return this.#waiting.flatMap((change) =>
      change.kind !== 'end' && change.document.id === id
        ? [{ op: change.op, document: change.document, bytes: change.bytes }]
        : [],
    )
  }

  /** The generation that is alive once what waits is stored. */
  livingGeneration(id: DocumentId): number {
    const { catalogue } = this.#options.books
    return Math.max(catalogue.livingGeneration(id), this.#endingById.get(id) ?? 0)
  }

  /** The last failure of the store, while it lasts. */
  get error(): ClientError | undefined {
    return this.#error
  }

  nextOp(): OpId {
    return { instance: this.#instance, n: ++this.#n }
  }

  /** Ops have another instance from now on: somebody else goes by the one before. */
  changeInstance(instance: InstanceId): void {
    this.#instance = instance
    this.#n = 0
  }

  edit(document: DocumentRef, bytes: Uint8Array, kind: 'edit' | 'upload' = 'edit'): void {
    this.#add({ kind, op: this.nextOp(), document, bytes })
  }

  /** One that somebody else made and could not store goes on under its id. */
  resume({ op, document, bytes }: UnsavedEdit): void {
    this.#add({ kind: 'edit', op, document, bytes })
  }

  end(document: DocumentRef, isOwn: boolean): void {
    this.#endingById.set(document.id, document.generation + 1)
    this.#add({ kind: 'end', op: this.nextOp(), document, isOwn })
  }

  /** Resolves when all that was changed before is durable. */
  whenSaved(): Promise<void> {
    if (this.#saved >= this.#added) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ through: this.#added, resolve, reject })
    })
  }

  /** Makes all that waits part of this transaction. The caller has its turn. */
  stage(draft: Draft): void {
    // A copy: what is added while this transaction is under way is not part of it.
    const changes = [...this.#waiting]
    if (changes.length === 0) return
    for (const change of changes) this.#stageOne(draft, change)
    draft.after(() => this.#done(changes.length))
  }

  /** Stores what waits now; tried once. */
  async flush(): Promise<void> {
    this.#retry?.()
    this.#retry = undefined
    await this.#work()
  }

  close(): void {
    this.#isClosed = true
    this.#retry?.()
    const error = this.#error ?? new ClientError('closed', 'the replica is closed')
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }

  #add(change: LocalChange): void {
    this.#waiting.push(change)
    this.#added++
    const { id } = change.document
    this.#waitingById.set(id, this.waitingOf(id) + 1)
    this.#options.changed(id)
    if (this.#working === undefined && this.#retry === undefined) void this.#work()
  }

  #work(): Promise<void> {
    this.#working ??= this.#workOff().finally(() => {
      this.#working = undefined
      // Added after the last look, and before this one.
      const isLeft = this.#waiting.length > 0 && this.#error === undefined && !this.#isClosed
      if (isLeft) void this.#work()
    })
    return this.#working
  }

  async #workOff(): Promise<void> {
    const { serial, store, books } = this.#options
    try {
      while (this.#waiting.length > 0 && !this.#isClosed) {
        await serial.run(async () => {
          const draft = new Draft(store, books)
          this.stage(draft)
          await draft.commit('strict')
        })
      }
    } catch (error) {
      this.#failed(error)
    }
  }

  #stageOne(draft: Draft, change: LocalChange): void {
    const { books, clock, owesOps, saved, tooLate, ended } = this.#options
    const { op, document } = change
    const isOwn = change.kind !== 'end' || change.isOwn
    const living = draft.livingGeneration(document.id)
    if (change.kind !== 'end' && document.generation < living) {
      draft.keep(document, 'document-deleted', clock.now(), change.bytes)
      draft.after(() => tooLate(op, document))
      return
    }
    if (change.kind === 'end') {
      if (document.generation < living) return
      const by = change.isOwn ? 'us' : 'others'
      endGeneration(draft, books, document, by, clock.now(), (late) => tooLate(late.op, document))
      draft.after(() => ended(document))
    } else draft.addUpdate(document.id, change.bytes)
    if (owesOps()) {
      draft.addOp({
        document,
        kind: kinds[change.kind],
        op,
        isOwn,
        bytes: change.kind === 'end' ? noBytes : change.bytes,
        dueAtMs: 0,
      })
    }
    draft.after(() =>
      saved(
        change.kind === 'end'
          ? { kind: 'tombstone', op, document }
          : { kind: 'update', op, document, bytes: change.bytes },
        // A state is compared with the neighbours' and not told as an op: they would carry it as one.
        isOwn && change.kind !== 'upload',
      ),
    )
  }

  #done(count: number): void {
    for (const { document } of this.#waiting.splice(0, count)) {
      const { id } = document
      const left = this.waitingOf(id) - 1
      if (left === 0) {
        this.#waitingById.delete(id)
        this.#endingById.delete(id)
      } else this.#waitingById.set(id, left)
      this.#options.changed(id)
    }
    this.#saved += count
    const waiters = this.#waiters
    this.#waiters = waiters.filter(({ through }) => through > this.#saved)
    for (const { through, resolve } of waiters) if (through <= this.#saved) resolve()
    this.#worked()
  }

  #worked(): void {
    this.#failures = 0
    if (this.#error === undefined) return
    this.#error = undefined
    this.#options.failing(undefined)
  }

  #failed(error: unknown): void {
    const failure =
      error instanceof ClientError
        ? error
        : new ClientError('internal', 'storing failed', { cause: error })
    this.#error = failure
    this.#options.failing(failure)
    if (this.#isClosed) return
    if (failure.code === 'closed' || failure.code === 'store-taken') return
    const delayMs = Math.min(bounds.retryMinMs * 2 ** this.#failures++, bounds.retryMaxMs)
    this.#retry = this.#options.clock.after(delayMs, () => {
      this.#retry = undefined
      void this.#work()
    })
  }
}

const kinds = { edit: 'live', upload: 'upload', end: 'tombstone' } as const

const noBytes = new Uint8Array(0)
