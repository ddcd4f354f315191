/** Ops of a collection as they come and go, for whoever draws them. While nobody listens it keeps nothing. */
import type { CollectionSync, Documents } from '@holdfast/peer'
import type { Clock, Undo } from '@holdfast/peer/ports'
import type { DocumentId, OpId } from '@holdfast/peer/protocol'
import type { Traffic } from '../api.js'
import type { ArchiveLedger, TakenPage } from '../replica/port.js'

/** What is told of own ops goes by their last so many: they arrive within moments. */
const maxRemembered = 1_024

export class TrafficTap {
  readonly #clock: Clock
  readonly #tellOne: (traffic: Traffic) => void
  readonly #ownOps = new Map<string, { readonly document: DocumentId; readonly bytes: number }>()
  #sync: CollectionSync | undefined
  #waiting: Traffic[] = []
  #telling: Undo | undefined
  #isHeard = false

  /** @param tell one at a time, in a later turn */
  constructor(clock: Clock, tell: (traffic: Traffic) => void) {
    this.#clock = clock
    this.#tellOne = tell
  }

  /** Somebody listens. */
  set isHeard(isHeard: boolean) {
    this.#isHeard = isHeard
    if (!isHeard) this.#ownOps.clear()
  }

  /** What this side makes, and what has arrived at neighbours. */
  watch(sync: CollectionSync, documents: Documents): void {
    this.#sync = sync
    sync.onDelivered((op, to) => this.#arrived(op, to))
    documents.onOp((op) => {
      // Also what other tabs of the app have edited: it goes over the same links.
      if (!this.#isHeard || op.kind !== 'update') return
      this.#ownOps.set(nameOf(op.op), { document: op.document.id, bytes: op.bytes.byteLength })
      const [oldest] = this.#ownOps.keys()
      if (this.#ownOps.size > maxRemembered && oldest !== undefined) this.#ownOps.delete(oldest)
    })
  }

  /** Nothing is armed afterwards. */
  close(): void {
    this.isHeard = false
    this.#telling?.()
    this.#waiting = []
  }

  /** The same documents; what neighbours bring is told. */
  documents(documents: Documents): Documents {
    return {
      list: () => documents.list(),
      holding: (id) => documents.holding(id),
      accepts: (document) => documents.accepts(document),
      stateVector: (document) => documents.stateVector(document),
      difference: (document, vector) => documents.difference(document, vector),
      receive: (batch) => {
        if (this.#isHeard) {
          for (const { document, bytes, op } of batch) {
            const from = op && this.#sync?.sessionWith(op.instance)?.instance
            this.#tell('in', from, document.id, bytes.byteLength)
          }
        }
        return documents.receive(batch)
      },
      end: (document) => documents.end(document),
      onOp: (listener) => documents.onOp(listener),
      onChange: (listener) => documents.onChange(listener),
      position: () => documents.position(),
    }
  }

  /** The same ledger; what an archive brings, and what it has taken, is told. */
  ledger(ledger: ArchiveLedger): ArchiveLedger {
    return {
      position: (archive) => ledger.position(archive),
      take: (page) => {
        if (this.#isHeard) this.#tellPage(page)
        return ledger.take(page)
      },
      owed: (archive, after, maxOps, maxBytes) => ledger.owed(archive, after, maxOps, maxBytes),
      owing: (archive) => ledger.owing(archive),
      onOwed: (listener) => ledger.onOwed(listener),
      committed: (archive, term, results) => {
        for (const { op } of results) this.#arrived(op, archive)
        return ledger.committed(archive, term, results)
      },
      refused: (archive, results) => ledger.refused(archive, results),
      holdings: (after, limit) => ledger.holdings(after, limit),
      stateVector: (document) => ledger.stateVector(document),
      difference: (document, vector) => ledger.difference(document, vector),
      receive: (document, updates) => ledger.receive(document, updates),
      end: (document) => ledger.end(document),
      resynced: (position) => ledger.resynced(position),
      snapshot: (document) => ledger.snapshot(document),
      compact: (document) => ledger.compact(document),
    }
  }

  /** A neighbour's process, or an archive, has an op of ours. */
  #arrived(op: OpId, link: string): void {
    const own = this.#isHeard ? this.#ownOps.get(nameOf(op)) : undefined
    if (own !== undefined) this.#tell('out', link, own.document, own.bytes)
  }

  #tellPage({ archive, entries }: TakenPage): void {
    for (const entry of entries) {
      if (entry.kind === 'row') {
        this.#tell('in', archive, entry.document.id, entry.bytes.byteLength)
      }
    }
  }

  #tell(
    direction: Traffic['direction'],
    link: string | undefined,
    id: string,
    bytes: number,
  ): void {
    this.#waiting.push({ direction, link, document: id, bytes })
    this.#telling ??= this.#clock.after(0, () => {
      this.#telling = undefined
      const told = this.#waiting
      this.#waiting = []
      for (const traffic of told) this.#tellOne(traffic)
    })
  }
}

function nameOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
