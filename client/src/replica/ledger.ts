import type { Undo } from '@holdfast/peer/ports'
import { Listeners } from '@holdfast/peer'
import {
  copyOf,
  readUpdate,
  type ArchiveId,
  type DocumentId,
  type DocumentRef,
  type TermId,
} from '@holdfast/peer/protocol'
import { takeCommitted, takeRefused, takeResynced } from './answering.js'
import type { ReplicaContext } from './context.js'
import { Draft, endGeneration } from './draft.js'
import { foldDocument } from './folding.js'
import { storedLimits } from './load-document.js'
import type {
  ArchiveLedger,
  ArchivePosition,
  CommittedOp,
  HoldingsPage,
  OwedOp,
  OwedPage,
  PageOutcome,
  RefusedOp,
  TakenPage,
} from './port.js'
import { readDifference, readHoldings, readSnapshotOf, readStateVectorOf } from './reading.js'
import { receiveAll } from './receiving.js'
import { ownPage, takePage } from './taking.js'

/** A replica as the connections to archives see it. */
export class Ledger implements ArchiveLedger {
  readonly #context: ReplicaContext
  readonly #onOwed = new Listeners<[]>()
  /** Documents that states came for since a resync ended: they have everything up to its head. */
  readonly #receivedIds = new Set<DocumentId>()

  constructor(context: ReplicaContext) {
    this.#context = context
  }

  position(archive: ArchiveId): ArchivePosition | undefined {
    return this.#context.books.positions.get(archive)
  }

  take(page: TakenPage): Promise<PageOutcome> {
    const own = ownPage(page)
    const { serial, books } = this.#context
    return serial.run(async () => {
      const answered = books.outbox.answered(page.archive)
      const outcome = await takePage(this.#context, own)
      // Committed by another opening than the one that sends now: they are owed again.
      const isNews = answered.some(({ answers }) => answers.get(page.archive)?.term !== page.term)
      if (isNews && outcome.kind === 'taken') this.tellOwed()
      return outcome
    })
  }

  async owed(
    archive: ArchiveId,
    after: number,
    maxOps: number,
    maxBytes: number,
  ): Promise<OwedPage> {
    const { store, books, clock, serial } = this.#context
    return serial.run(async () => {
      const nowMs = clock.monotonic()
      const chosen = []
      let bytes = 0
      let more = false
      for (const op of books.outbox.owed(archive, after)) {
        if (op.dueAtMs > nowMs) continue
        bytes += op.byteLength
        more = chosen.length >= maxOps || (chosen.length > 0 && bytes > maxBytes)
        if (more) break
        chosen.push(op)
      }
      const bytesByKey = await store.readOps(chosen.map(({ key }) => key))
      const ops = chosen.flatMap(({ key, op, document, isOwn, kind }): readonly OwedOp[] => {
        const known = bytesByKey.get(key)
        const shared = { position: key, op, document, isOwn }
        if (kind === 'tombstone') return [{ kind, ...shared }]
        return known === undefined ? [] : [{ kind, ...shared, bytes: known }]
      })
      return { ops, more }
    })
  }

  owing(archive: ArchiveId): Promise<{ readonly ops: number; readonly bytes: number }> {
    let ops = 0
    let bytes = 0
    for (const { byteLength } of this.#context.books.outbox.owed(archive, 0)) {
      ops++
      bytes += byteLength
    }
    return Promise.resolve({ ops, bytes })
  }

  onOwed(listener: () => void): Undo {
    return this.#onOwed.add(listener)
  }

  committed(archive: ArchiveId, term: TermId, results: readonly CommittedOp[]): Promise<void> {
    return this.#context.serial.run(() => takeCommitted(this.#context, archive, term, results))
  }

  refused(archive: ArchiveId, results: readonly RefusedOp[]): Promise<void> {
    return this.#context.serial.run(() => takeRefused(this.#context, archive, results))
  }

  holdings(after: string | undefined, limit: number): Promise<HoldingsPage> {
    return readHoldings(this.#context, after, limit)
  }

  stateVector(document: DocumentRef): Promise<Uint8Array | undefined> {
    return readStateVectorOf(this.#context, document)
  }

  difference(document: DocumentRef, stateVector: Uint8Array): Promise<Uint8Array | undefined> {
    return readDifference(this.#context, document, copyOf(stateVector))
  }

  async receive(document: DocumentRef, updates: readonly Uint8Array[]): Promise<void> {
    const { serial, books, store, news } = this.#context
    const own = updates.map(copyOf)
    await serial.run(async () => {
      const batch = []
      const draft = new Draft(store, books)
      for (const bytes of own) {
        const coverage = readUpdate(bytes, storedLimits)
        if (coverage.ok) batch.push({ document, bytes, coverage: coverage.value })
        else {
          draft.quarantine(document.id, coverage.refusal.detail, bytes, undefined)
          draft.after(() => news.damaged(document, coverage.refusal.detail))
        }
      }
      if (!draft.isEmpty) await draft.commit('relaxed')
      await receiveAll(this.#context, batch, { from: 'archive', isOwn: () => false })
    })
    this.#receivedIds.add(document.id)
  }

  end(document: DocumentRef): Promise<void> {
    const { serial, books, store, clock, news } = this.#context
    return serial.run(async () => {
      const living = books.catalogue.livingGeneration(document.id)
      if (living > document.generation) return
      const draft = new Draft(store, books)
      endGeneration(draft, books, document, 'others', clock.now(), ({ op }) =>
        news.refused(op, document, 'document-deleted'),
      )
      draft.after(() => news.ended({ id: document.id, generation: document.generation }))
      await draft.commit('relaxed')
      this.#receivedIds.add(document.id)
    })
  }

  resynced(position: ArchivePosition): Promise<void> {
    return this.#context.serial.run(async () => {
      const received = [...this.#receivedIds]
      await takeResynced(this.#context, position, received)
      for (const id of received) this.#receivedIds.delete(id)
      this.tellOwed()
    })
  }

  snapshot(document: DocumentRef): Promise<Uint8Array | undefined> {
    return readSnapshotOf(this.#context, document)
  }

  async compact({ id, generation }: DocumentRef): Promise<void> {
    const { serial, books } = this.#context
    await serial.run(async () => {
      if (books.catalogue.livingGeneration(id) === generation) {
        await foldDocument(this.#context, id)
      }
    })
  }

  tellOwed(): void {
    this.#onOwed.tell()
  }

  close(): void {
    this.#onOwed.clear()
  }
}
