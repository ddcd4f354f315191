/*
 * Documents of a collection that refer to something that the log does not hold.
 *
 *   gap opened ──► asking: a peer that can write is asked ── closed ──► told to those who pushed
 *                     ▲      │ no answer in time                         gapped ops: archived now
 *                     └──────┘ the next one; after the last, nobody until a newcomer
 *
 * One peer at a time is asked, so a gap costs one upload and not one from everybody.
 */
import {
  canWrite,
  messageBounds,
  type DocumentRef,
  type IdRanges,
  type MessageOf,
  type OpId,
} from '@holdfast/peer/protocol'
import type { GapChange } from '../../log/port.js'
import type { NodeContext } from '../context.js'
import type { Due } from '@holdfast/peer'
import type { Participant } from '../participant.js'

type CommittedOp = MessageOf<'committed'>['results'][number]

export class Gaps implements Due {
  readonly #context: NodeContext
  /** Writers, in the order in which they came. */
  readonly #writers: () => readonly Participant[]
  readonly #gaps = new Map<string, Gap>()
  readonly #gappedOps = new Map<string, Map<Participant, OpId[]>>()
  readonly #countByHolder = new Map<Participant, number>()
  dueTick = 0
  #isClosed = false

  constructor(context: NodeContext, writers: () => readonly Participant[]) {
    this.#context = context
    this.#writers = writers
  }

  get size(): number {
    return this.#gaps.size
  }

  /** What was open before this collection had sessions. */
  known(changes: readonly GapChange[]): void {
    if (this.#isClosed) return
    for (const change of changes) if (!this.#gaps.has(keyOf(change.document))) this.changed(change)
  }

  /** A gap has opened, changed, or closed (nothing is missing any more). */
  changed({ document, missing }: GapChange): void {
    const key = keyOf(document)
    if (missing.size === 0) {
      this.#gaps.delete(key)
      this.#tellClosed(key)
      return
    }
    const gap = this.#gaps.get(key)
    if (gap !== undefined) gap.missing = missing
    else if (this.#gaps.size < this.#context.limits.maxGaps) {
      this.#gaps.set(key, { document, missing, asked: new Set(), nextAtMs: this.#soon() })
    }
    this.#plan()
  }

  /** This op was answered as gapped: its pusher is told again when the gap has closed. */
  remember(session: Participant, document: DocumentRef, op: OpId): void {
    const count = this.#countByHolder.get(session) ?? 0
    // Beyond the bound it learns by pushing again.
    if (session.state === 'closing' || count >= this.#context.limits.maxGappedOps) return
    this.#countByHolder.set(session, count + 1)
    const key = keyOf(document)
    const byHolder = this.#gappedOps.get(key)
    const ops = byHolder?.get(session)
    if (ops !== undefined) ops.push(op)
    else if (byHolder !== undefined) byHolder.set(session, [op])
    else this.#gappedOps.set(key, new Map([[session, [op]]]))
    if (!this.#gaps.has(key)) this.#tellIfClosed(key)
  }

  forget(session: Participant): void {
    this.#countByHolder.delete(session)
    for (const [key, byHolder] of this.#gappedOps) {
      if (byHolder.delete(session) && byHolder.size === 0) this.#gappedOps.delete(key)
    }
    for (const gap of this.#gaps.values()) gap.asked.delete(session)
  }

  /** A writer has come: it may hold what nobody else had. */
  writerCame(): void {
    if (this.#gaps.size === 0) return
    for (const gap of this.#gaps.values()) {
      gap.nextAtMs = Math.min(gap.nextAtMs, this.#soon())
    }
    this.#plan()
  }

  due(): void {
    const nowMs = this.#context.clock.monotonic()
    for (const gap of this.#gaps.values()) if (gap.nextAtMs <= nowMs) this.#ask(gap, nowMs)
    this.#plan()
  }

  close(): void {
    this.#isClosed = true
    this.#context.deadlines.clear(this)
    this.#gaps.clear()
    this.#gappedOps.clear()
    this.#countByHolder.clear()
  }

  #ask(gap: Gap, nowMs: number): void {
    const { limits, counters } = this.#context
    const next = this.#writers().find((writer) => !gap.asked.has(writer))
    if (next === undefined) {
      gap.nextAtMs = Infinity
      return
    }
    gap.asked.add(next)
    gap.nextAtMs = nowMs + limits.gapAnswerWithinMs
    counters.gapRequests++
    next.send({ type: 'missing', document: gap.document, ranges: rangesOf(gap.missing) })
  }

  #plan(): void {
    let next = Infinity
    for (const { nextAtMs } of this.#gaps.values()) next = Math.min(next, nextAtMs)
    const { clock, deadlines } = this.#context
    if (next === Infinity) deadlines.clear(this)
    else deadlines.set(this, next - clock.monotonic())
  }

  /** What is missing is mostly on its way already, in the next push. */
  #soon(): number {
    return this.#context.clock.monotonic() + graceMs
  }

  #tellClosed(key: string): void {
    const byHolder = this.#gappedOps.get(key)
    if (byHolder === undefined) return
    this.#gappedOps.delete(key)
    for (const [session, ops] of byHolder) {
      const left = (this.#countByHolder.get(session) ?? 0) - ops.length
      if (left > 0) this.#countByHolder.set(session, left)
      else this.#countByHolder.delete(session)
      const results = ops.map((op): CommittedOp => ({ outcome: 'contained', op, gapped: false }))
      session.tellCommitted(results)
    }
  }

  /**
   * The book of gaps is bounded, and the gap of this op may have closed before its answer came: the
   * log knows.
   */
  #tellIfClosed(key: string): void {
    if (this.#gaps.size >= this.#context.limits.maxGaps) return
    this.#tellClosed(key)
  }
}

interface Gap {
  readonly document: DocumentRef
  missing: IdRanges
  readonly asked: Set<Participant>
  nextAtMs: number
}

const graceMs = 250

/** Whom one may ask for what is missing. */
export function isWriter(session: Participant): boolean {
  return session.access !== undefined && canWrite(session.access)
}

function rangesOf(missing: IdRanges): MessageOf<'missing'>['ranges'] {
  const ranges: { client: number; clock: number; length: number }[] = []
  for (const [client, pairs] of missing) {
    for (let at = 0; at < pairs.length && ranges.length < messageBounds.maxRanges; at += 2) {
      const clock = pairs[at] as number
      ranges.push({ client, clock, length: (pairs[at + 1] as number) - clock })
    }
  }
  return ranges
}

function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
