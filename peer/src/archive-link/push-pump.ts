/*
 * What this replica owes, on its way to the archive's disk.
 *
 *   owed ──► in flight ──► committed ──► the ledger
 *    ▲           │    └──► gapped: stays owed, asked about again now and then
 *    │           ├──► refused for good ──► the ledger, and the next ones go on
 *    │           ├──► predecessors first ──► the document's whole state is uploaded ─┐
 *    │           └──► refused for now ──► a pause for everything ────────────────────┤
 *    └───────────────────────────────────────────────────────────────────────────────┘
 *
 * Ops leave in the order in which they are owed, several in a push; what is under way is bounded in
 * bytes and number. Nothing is kept here that the ledger does not hold: when the link ends, all of
 * it is forgotten, and what was not answered is owed still.
 */
import { jittered, type Undo } from '../ports/index.js'
import {
  canWrite,
  laneOf,
  nextAfter,
  type DocumentRef,
  type Lane,
  type MessageOf,
} from '../protocol/index.js'
import type { CommittedOp, OwedOp, RefusedOp } from './ledger.js'
import { ask, keyOfOp, type SessionContext } from './context.js'
import { archiveBounds as bounds } from './limits.js'
import type { NeighbourList } from './neighbour-list.js'
import { encodePush, type PushedOp, type Uploads } from './uploads.js'

export interface PushPumpOptions {
  readonly context: SessionContext
  readonly neighbours: NeighbourList
  readonly uploads: Uploads
  /** The archive says that the token has ended: renew it, and call `resume`. */
  readonly onTokenExpired: () => void
}

export class PushPump {
  readonly #options: PushPumpOptions
  readonly #context: SessionContext
  readonly #inFlight = new Map<string, OwedOp>()
  /** Answered with a gap, and when. */
  readonly #gappedAtMs = new Map<string, number>()
  /** Documents whose ops wait until the archive has what they build upon; how often that was tried. */
  readonly #blocked = new Map<string, number>()
  readonly #unblocking = new Set<Undo>()
  #stopListening: Undo = () => {}
  #inFlightBytes = 0
  /** Read so far, and whether there may be more behind. */
  #after = 0
  #mayHaveMore = true
  #isReading = false
  /** The ledger has said that there is more since everything was last looked at. */
  #isNews = false
  #pause: Undo | undefined
  #pauses = 0
  #lookAgain: Undo | undefined
  #answerDeadline: Undo | undefined
  /** Pushes that went in bulk and may still be on their way: what follows them must not overtake. */
  #bulkUnderWay = 0
  #doneBytes = 0
  #totalBytes = 0

  constructor(options: PushPumpOptions) {
    this.#options = options
    this.#context = options.context
  }

  start(): void {
    const { ledger } = this.#context
    this.#stopListening = ledger.onOwed(() => {
      this.#mayHaveMore = true
      this.#isNews = true
      this.#lookAgainLater()
      void this.#pump()
    })
    this.#lookAgainLater()
    void this.#measure()
    void this.#pump()
  }

  close(): void {
    this.#stopListening()
    this.#pause?.()
    this.#lookAgain?.()
    this.#answerDeadline?.()
    for (const undo of this.#unblocking) undo()
  }

  /** What was owed at the start and since, and what of it is answered; undefined: nothing is owed. */
  get upload(): { readonly doneBytes: number; readonly totalBytes: number } | undefined {
    if (this.#doneBytes >= this.#totalBytes) return undefined
    return { doneBytes: this.#doneBytes, totalBytes: this.#totalBytes }
  }

  /** What may be written has changed, or the token is good again. */
  resume(): void {
    this.#pause?.()
    this.#pause = undefined
    this.#readAnew()
  }

  /** The archive could not take pushes as a whole just now. */
  pauseFor(retryAfterMs: number | undefined): void {
    // Whatever is under way comes again: it may have been dropped there.
    this.#inFlight.clear()
    this.#inFlightBytes = 0
    this.#pauseAll(retryAfterMs)
  }

  async committed({ term, results }: MessageOf<'committed'>): Promise<void> {
    const { ledger, archive, clock } = this.#context
    const committed: CommittedOp[] = []
    for (const result of results) {
      const { op, gapped } = result
      if (this.#options.uploads.committed(op, gapped)) continue
      const seq = result.outcome === 'stored' ? { seq: result.seq } : {}
      committed.push({ op, gapped, ...seq })
    }
    if (committed.length === 0) return
    this.#heard()
    const kept = await ask(this.#context, ledger.committed(archive, term, committed))
    if (kept === undefined) return
    for (const { op, gapped } of committed) {
      const key = keyOfOp(op)
      this.#landed(key)
      if (!gapped) this.#gappedAtMs.delete(key)
      else if (this.#gappedAtMs.size < bounds.maxRememberedGapped) {
        this.#gappedAtMs.set(key, clock.monotonic())
        this.#lookAgainLater()
      }
    }
    this.#pauses = 0
    this.#context.progressed()
    void this.#pump()
  }

  async refused({ results, retryAfterMs }: MessageOf<'refused'>): Promise<void> {
    const { ledger, archive } = this.#context
    const final: RefusedOp[] = []
    let isPaused = false
    for (const { op, code } of results) {
      if (this.#options.uploads.refused(op, code, retryAfterMs)) continue
      const key = keyOfOp(op)
      const known = this.#inFlight.get(key)
      this.#heard()
      if (nextAfter(code) === 'fatal') {
        if (known !== undefined) final.push({ op, code })
        continue
      }
      this.#landed(key, false)
      this.#after = 0
      this.#mayHaveMore = true
      if (code === 'predecessors-first' && known !== undefined) {
        this.#sendPredecessors(known.document)
        continue
      }
      isPaused = true
      if (code === 'token-expired') this.#options.onTokenExpired()
    }
    if (isPaused) this.#pauseAll(retryAfterMs)
    if (final.length > 0) {
      const kept = await ask(this.#context, ledger.refused(archive, final))
      if (kept === undefined) return
      for (const { op } of final) this.#landed(keyOfOp(op))
    }
    this.#context.progressed()
    void this.#pump()
  }

  /** Reads what is owed and sends it, until enough is under way. */
  async #pump(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    while (this.#mayPush) {
      const { ledger, archive } = this.#context
      const { maxInFlightOps, maxInFlightBytes, maxPushOps, maxPushBytes } = bounds
      const roomOps = maxInFlightOps - this.#inFlight.size
      const roomBytes = maxInFlightBytes - this.#inFlightBytes
      if (roomOps <= 0 || roomBytes <= 0) break
      this.#mayHaveMore = false
      const after = this.#after
      const page = await ask(
        this.#context,
        ledger.owed(
          archive,
          after,
          Math.min(roomOps, maxPushOps),
          Math.min(roomBytes, maxPushBytes),
        ),
      )
      if (page === undefined) break
      // Everything is read anew because of what was answered meanwhile.
      if (this.#after !== after) continue
      const { ops, more } = page.value
      if (more) this.#mayHaveMore = true
      this.#after = ops.at(-1)?.position ?? after
      if (this.#pause === undefined) await this.#send(ops.filter((op) => this.#isDue(op)))
    }
    this.#isReading = false
  }

  get #mayPush(): boolean {
    return !this.#context.isOver() && this.#pause === undefined && this.#mayHaveMore
  }

  #isDue({ op, document, isOwn }: OwedOp): boolean {
    const key = keyOfOp(op)
    if (this.#inFlight.has(key) || this.#blocked.has(keyOf(document))) return false
    // A reader pushes its own, to be told that it may not; what it only carries would be noise.
    if (!isOwn && !canWrite(this.#context.access())) return false
    const gappedAtMs = this.#gappedAtMs.get(key)
    if (gappedAtMs === undefined) return true
    return this.#context.clock.monotonic() - gappedAtMs >= bounds.askGappedEveryMs
  }

  /** Neighbouring ops that have reached the same neighbours share a push. */
  async #send(ops: readonly OwedOp[]): Promise<void> {
    const tooLarge: RefusedOp[] = []
    for (let at = 0; at < ops.length;) {
      const first = ops[at]
      if (first === undefined) break
      const reached = this.#options.neighbours.reached(first.op)
      let end = at + 1
      while (end < ops.length && isSame(reached, this.#reachedOf(ops[end]))) end++
      this.#push(ops.slice(at, end), reached, tooLarge)
      at = end
    }
    if (tooLarge.length === 0) return
    const { ledger, archive } = this.#context
    await ask(this.#context, ledger.refused(archive, tooLarge))
  }

  #reachedOf(op: OwedOp | undefined): MessageOf<'push'>['reached'] {
    return op === undefined ? undefined : this.#options.neighbours.reached(op.op)
  }

  #push(
    ops: readonly OwedOp[],
    reached: MessageOf<'push'>['reached'],
    tooLarge: RefusedOp[],
  ): void {
    const pushed = ops.map(pushedOf)
    const encoded = encodePush(pushed, reached, this.#context.maxMessageBytes)
    if (encoded === undefined) {
      const [first] = ops
      if (ops.length === 1 && first !== undefined) {
        tooLarge.push({ op: first.op, code: 'op-too-large' })
        return
      }
      const middle = ops.length >>> 1
      this.#push(ops.slice(0, middle), reached, tooLarge)
      this.#push(ops.slice(middle), reached, tooLarge)
      return
    }
    for (const op of ops) {
      this.#inFlight.set(keyOfOp(op.op), op)
      this.#inFlightBytes += bytesOf(op)
    }
    this.#watchAnswers()
    const bySize = laneOf({ type: 'push', ops: pushed }, encoded.length)
    const lane: Lane = this.#bulkUnderWay > 0 ? 'bulk' : bySize
    if (lane === 'bulk') this.#bulkUnderWay++
    const onDelivered = lane === 'bulk' ? () => void this.#bulkUnderWay-- : undefined
    this.#context.sender.sayEncoded(encoded, lane, onDelivered)
  }

  /** It is not under way any more, for whatever reason. */
  #landed(key: string, isDone = true): void {
    const op = this.#inFlight.get(key)
    if (op === undefined) return
    this.#inFlight.delete(key)
    this.#inFlightBytes -= bytesOf(op)
    if (isDone) this.#doneBytes += bytesOf(op)
  }

  #heard(): void {
    this.#answerDeadline?.()
    this.#answerDeadline = undefined
    if (this.#inFlight.size > 0) this.#watchAnswers()
  }

  #watchAnswers(): void {
    this.#answerDeadline ??= this.#context.clock.after(bounds.pushAnswerWithinMs, () => {
      this.#answerDeadline = undefined
      if (this.#inFlight.size > 0) this.#context.fail('timeout', 'no answer to a push')
    })
  }

  #pauseAll(retryAfterMs: number | undefined): void {
    if (this.#pause !== undefined) return
    const growingMs = Math.min(bounds.mostPushPauseMs, bounds.firstPushPauseMs * 2 ** this.#pauses)
    this.#pauses = Math.min(this.#pauses + 1, 16)
    const pauseMs = Math.min(Math.max(retryAfterMs ?? 0, growingMs), bounds.mostAskedPauseMs)
    this.#pause = this.#context.clock.after(jittered(this.#context.random, pauseMs), () => {
      this.#pause = undefined
      this.#readAnew()
    })
  }

  /** The archive will not park any more behind a gap: it gets all of the document that is here. */
  #sendPredecessors(document: DocumentRef): void {
    const key = keyOf(document)
    if (this.#blocked.has(key)) return
    this.#blocked.set(key, 1)
    const { id, generation } = document
    // It may be what ended the generation before that is lacking: who has this one knows of that.
    if (generation > 0) {
      const ended = { id, generation: generation - 1 }
      this.#options.uploads.add({ kind: 'tombstone', document: ended }, () =>
        this.#sendState(key, document),
      )
    } else this.#sendState(key, document)
  }

  #sendState(key: string, document: DocumentRef): void {
    const upload = { kind: 'upload', document, stateVector: emptyStateVector } as const
    this.#options.uploads.add(upload, (outcome) => {
      if (outcome === 'committed') this.#unblock(key)
      else {
        // Its predecessors are not here either: others have them. The ops wait, the rest goes on.
        const undo = this.#context.clock.after(bounds.askGappedEveryMs, () => {
          this.#unblocking.delete(undo)
          this.#unblock(key)
        })
        this.#unblocking.add(undo)
      }
    })
  }

  #unblock(key: string): void {
    this.#blocked.delete(key)
    this.#readAnew()
  }

  #readAnew(): void {
    this.#after = 0
    this.#mayHaveMore = true
    void this.#pump()
  }

  /** From the beginning: what became owed behind the place that was read to, and what is gapped. */
  #lookAgainLater(): void {
    this.#lookAgain ??= this.#context.clock.after(bounds.lookAgainEveryMs, () => {
      this.#lookAgain = undefined
      if (!this.#isNews && this.#gappedAtMs.size === 0) return
      this.#isNews = false
      if (this.#gappedAtMs.size > 0) this.#lookAgainLater()
      void this.#measure()
      this.#readAnew()
    })
  }

  async #measure(): Promise<void> {
    const { ledger, archive } = this.#context
    const owing = await ask(this.#context, ledger.owing(archive))
    if (owing === undefined) return
    if (owing.value.ops === 0) this.#doneBytes = this.#totalBytes = 0
    else this.#totalBytes = this.#doneBytes + owing.value.bytes
    this.#context.progressed()
  }
}

const emptyStateVector = new Uint8Array([0])

function pushedOf(owed: OwedOp): PushedOp {
  const { op, document } = owed
  if (owed.kind === 'tombstone') return { kind: 'tombstone', op, document }
  return { kind: owed.kind, op, document, bytes: owed.bytes }
}

function bytesOf(owed: OwedOp): number {
  return owed.kind === 'tombstone' ? 0 : owed.bytes.length
}

function isSame(a: MessageOf<'push'>['reached'], b: MessageOf<'push'>['reached']): boolean {
  return a?.neighbours.join() === b?.neighbours.join()
}

function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
