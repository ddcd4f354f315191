/*
 * Asking one peer whether it really holds what it acked, before its rows go.
 *
 *   ask ──► one reader at the head that may write ──► hint ──► judged ── agreed ──► go on
 *    │ nobody to ask               │ no answer in time            └── laggard ──► compared with it,
 *    └────────────► go on ◄────────┘                                              not asked again
 *
 * Whatever the answer, compaction goes on: it is safe without. The answer only finds replicas that
 * are out of step.
 */
import {
  copyOf,
  type CollectionName,
  type DocumentRef,
  type MessageOf,
} from '@holdfast/peer/protocol'
import type { CompactionReport } from '../../compaction/compact-document.js'
import type { RipeDocument } from '../../log/port.js'
import type { NodeContext } from '../context.js'
import type { Collection } from '../fan-out/collection.js'
import { isWriter } from '../fan-out/gaps.js'
import type { Reader } from '../fan-out/reader.js'
import type { Participant } from '../participant.js'

/** Who has agreed, and is told what became of it. */
const maxAgreed = 1_024

export class Hints {
  readonly #context: NodeContext
  readonly #asked = new Map<string, Asked>()
  readonly #agreed = new Map<string, Participant>()
  readonly #laggards = new WeakSet<Participant>()

  constructor(context: NodeContext) {
    this.#context = context
  }

  /** Resolves when the one who was asked has answered, or its time is over. Never rejects. */
  async ask({ document }: RipeDocument, collection: Collection | undefined): Promise<void> {
    const reader = collection && this.#choose(collection)
    if (collection === undefined || reader === undefined) return
    const { leases, clock, limits, counters } = this.#context
    const key = keyOf(collection.name, document)
    if (this.#asked.has(key)) return
    // What it acked has to stand in the log before it is held to it.
    await leases.flush(reader)
    if (!reader.sendEmpty(document)) return
    counters.hintsAsked++
    await new Promise<void>((resolve) => {
      const stop = clock.after(limits.hintWithinMs, () => this.#settle(key))
      this.#asked.set(key, { session: reader.session, resolve, stop })
    })
  }

  /** @param compare exchanges a document with a peer that lacks something of it */
  async hear(
    session: Participant,
    reader: Reader | undefined,
    { document, seq, snapshot }: MessageOf<'hint'>,
    compare: (document: DocumentRef) => Promise<void>,
  ): Promise<void> {
    if (reader === undefined || seq > reader.ackedSeq) {
      session.fault('ack-beyond-sent', 'hint', { document })
      return
    }
    const { log, leases, counters, logger } = this.#context
    const { lease } = reader
    await leases.flush(reader)
    const hint = { lease, document, seq, snapshot: copyOf(snapshot) }
    const judged = await log.compaction.judgeHint(hint)
    const key = keyOf(lease.collection, document)
    if (judged.verdict === 'refused') session.fault(judged.refusal.code, 'hint', { document })
    else if (judged.verdict === 'agreed') {
      counters.hintsAgreed++
      this.#remember(key, session)
    } else {
      counters.laggards++
      // Once a link: it may say so as often as it likes.
      if (!this.#laggards.has(session)) {
        logger.error('a peer lacks what it acked', {
          collection: lease.collection,
          document: document.id,
          replica: lease.replica,
          seq,
        })
      }
      this.#laggards.add(session)
      await compare(document)
    }
    if (this.#asked.get(key)?.session === session) this.#settle(key)
  }

  /** What became of a compaction. */
  reported(report: CompactionReport): void {
    const key = keyOf(report.collection, report.document)
    const session = this.#agreed.get(key)
    this.#agreed.delete(key)
    if (session === undefined || report.status !== 'compacted') return
    const { document, through, removed, retained } = report
    session.send({ type: 'compacted', document, through, removed, retained })
  }

  left(session: Participant): void {
    for (const [key, asked] of this.#asked) if (asked.session === session) this.#settle(key)
    for (const [key, agreed] of this.#agreed) if (agreed === session) this.#agreed.delete(key)
  }

  close(): void {
    for (const key of this.#asked.keys()) this.#settle(key)
    this.#agreed.clear()
  }

  /** The one that acked the most, of those who may write and are at the head. */
  #choose(collection: Collection): Reader | undefined {
    let chosen: Reader | undefined
    for (const reader of collection.readers) {
      const { session } = reader
      const isFit = collection.isAtHead(reader) && isWriter(session) && !this.#laggards.has(session)
      if (isFit && reader.ackedSeq > (chosen?.ackedSeq ?? 0)) chosen = reader
    }
    return chosen
  }

  #settle(key: string): void {
    const asked = this.#asked.get(key)
    if (asked === undefined) return
    this.#asked.delete(key)
    asked.stop()
    asked.resolve()
  }

  #remember(key: string, session: Participant): void {
    if (session.state === 'closing') return
    this.#agreed.delete(key)
    this.#agreed.set(key, session)
    for (const [oldest] of this.#agreed) {
      if (this.#agreed.size <= maxAgreed) break
      this.#agreed.delete(oldest)
    }
  }
}

interface Asked {
  readonly session: Participant
  readonly resolve: () => void
  readonly stop: () => void
}

function keyOf(collection: CollectionName, { id, generation }: DocumentRef): string {
  return `${collection}\n${generation}\n${id}`
}
