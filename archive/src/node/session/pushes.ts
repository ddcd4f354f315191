/*
 * What one session pushes, on its way to the disk and back.
 *
 *   push ── authorised, within bounds ──► gathered ──► log.append, in order ──► answered, in order
 *     └──── refused with a code ───────────────────────────────────────────────────▲
 *
 * What came in one turn is given to the log in one call, for a call costs as much as the op in it.
 * Everything that was answered by one commit of the log shares one `committed`.
 */
import {
  canWrite,
  messageBounds,
  type DocumentRef,
  type ErrorCode,
  type MessageOf,
  type OpId,
} from '@holdfast/peer/protocol'
import type { AppendOp, AppendOutcome, DeleteOutcome } from '../../log/port.js'
import type { Collection } from '../fan-out/collection.js'
import type { PageTarget } from '../fan-out/live-page.js'
import type { Participant } from '../participant.js'
import { codeOfStorage } from './storage-code.js'

type PushedOp = MessageOf<'push'>['ops'][number]
type CommittedOp = MessageOf<'committed'>['results'][number]
type RefusedOp = MessageOf<'refused'>['results'][number]
type OpResult = CommittedOp | RefusedOp

interface Pending {
  readonly ops: readonly PushedOp[]
  readonly bytes: number
  /** Who holds them already: told to the readers at the head while they are on their way. */
  readonly holders: readonly PageTarget[]
  /** What all that was given to the log with it came to; undefined until the log has answered. */
  results: readonly OpResult[] | undefined
  /** Where its own begin in them; they are in the order of the ops. */
  from: number
}

/** What an op costs besides its bytes, or empty ones would be free. */
const opOverheadBytes = 128

export class Pushes {
  readonly #session: Participant
  readonly #collection: Collection
  readonly #pending: Pending[] = []
  /** Of these, what came in this turn and is given to the log at its end. */
  #gathered: Pending[] = []
  #bytes = 0
  #ops = 0
  #isAnswering = false
  #whenIdle: (() => void)[] | undefined

  constructor(session: Participant, collection: Collection) {
    this.#session = session
    this.#collection = collection
  }

  get isIdle(): boolean {
    return this.#pending.length === 0
  }

  /** Calls `listener` when everything has been answered. */
  onceIdle(listener: () => void): void {
    if (this.isIdle) listener()
    else (this.#whenIdle ??= []).push(listener)
  }

  /** @param neighbours the last list that the session has told */
  push({ ops, reached }: MessageOf<'push'>, neighbours?: MessageOf<'neighbours'>): void {
    if (ops.length === 0) return
    const { counters } = this.#session.context
    counters.pushes++
    counters.pushedOps += ops.length
    const bytes = ops.reduce((sum, op) => sum + bytesOf(op).length + opOverheadBytes, 0)
    const holders = this.#holders(ops, reached, neighbours)
    const pending: Pending = { ops, bytes, holders, results: undefined, from: 0 }
    this.#pending.push(pending)
    this.#bytes += bytes
    this.#ops += ops.length
    counters.pushedBytesWaiting += bytes
    const code = this.#refusal(pending)
    if (code !== undefined)
      this.#answer(
        pending,
        ops.map(({ op }) => ({ op, code })),
      )
    else {
      this.#gathered.push(pending)
      if (this.#gathered.length === 1) void this.#store()
    }
  }

  #refusal({ ops, bytes }: Pending): ErrorCode | undefined {
    const { access, context } = this.#session
    if (access === undefined) return 'token-expired'
    if (!canWrite(access)) {
      const isAccepted = (op: PushedOp): boolean =>
        op.kind === 'upload' && this.#session.mayUpload(op.document)
      if (!ops.every(isAccepted)) return 'forbidden'
    }
    const { limits, counters } = context
    const isAlone = this.#pending.length === 1
    if (isAlone && counters.pushedBytesWaiting === bytes) return undefined
    if (!isAlone && (this.#bytes > limits.maxPushedBytes || this.#ops > limits.maxPushedOps)) {
      return 'rate-limited'
    }
    return counters.pushedBytesWaiting > limits.maxPushedBytesInAll ? 'rate-limited' : undefined
  }

  /** At the end of this turn. */
  async #store(): Promise<void> {
    await endOfTurn
    const gathered = this.#gathered
    this.#gathered = []
    const ops: PushedOp[] = []
    for (const pending of gathered) {
      pending.from = ops.length
      for (const op of pending.ops) ops.push(op)
    }
    this.#eachPlaced(gathered, (op, holders) => this.#collection.places.note(op, holders))
    let results: readonly OpResult[]
    try {
      results = await this.#give(ops)
    } catch (error) {
      const code = codeOfStorage(error)
      this.#session.context.logger.error('a push could not be stored', { error: String(error) })
      results = ops.map(({ op }) => ({ op, code }))
    }
    for (const pending of gathered) this.#answer(pending, results)
    this.#eachPlaced(gathered, (op) => this.#collection.places.forget(op))
  }

  #eachPlaced(
    gathered: readonly Pending[],
    visit: (op: OpId, holders: readonly PageTarget[]) => void,
  ): void {
    for (const { ops, holders } of gathered) {
      if (holders.length === 0) continue
      for (const { kind, op } of ops) if (kind === 'live') visit(op, holders)
    }
  }

  /**
   * Who holds what it pushes: itself, and those of its neighbours that it names. Positions in an
   * older list of neighbours are dropped: they would name others. Nobody, where it is the author and
   * names no one else: that its author holds an op goes without saying.
   */
  #holders(
    ops: readonly PushedOp[],
    reached: MessageOf<'push'>['reached'],
    neighbours: MessageOf<'neighbours'> | undefined,
  ): readonly PageTarget[] {
    const { instance: self } = this.#session
    const isReached = reached !== undefined && reached.list === neighbours?.list
    if (!isReached && ops.every(({ op }) => op.instance === self)) return nobody
    const holders: PageTarget[] = []
    const own = this.#collection.readerOf(self)
    if (own !== undefined) holders.push(own)
    if (!isReached) return holders
    for (const position of reached.neighbours) {
      const instance = neighbours.instances[position]
      const reader = instance === undefined ? undefined : this.#collection.readerOf(instance)
      if (reader !== undefined) holders.push(reader)
    }
    return holders
  }

  /** Everything is handed to the log in this turn, in order; it answers in that order too. */
  async #give(ops: readonly PushedOp[]): Promise<readonly OpResult[]> {
    const { log } = this.#session.context
    const collection = this.#collection.name
    const runs: Promise<readonly OpResult[]>[] = []
    let run: PushedOp[] = []
    const append = (): void => {
      if (run.length === 0) return
      const given = run
      run = []
      const items = given.map((op): AppendOp => {
        const { kind, document } = op
        const bytes = bytesOf(op)
        return kind === 'live'
          ? { collection, document, kind, id: op.op, bytes }
          : { collection, document, kind: 'upload', bytes }
      })
      runs.push(
        log.append(items).then((outcomes) => given.map(({ op }, at) => resultOf(op, outcomes[at]))),
      )
    }
    for (const op of ops) {
      if (op.kind === 'tombstone') {
        append()
        const { op: id, document } = op
        runs.push(log.delete(collection, document).then((outcome) => [resultOf(id, outcome)]))
      } else if (op.kind === 'live' && op.op.n === 0) {
        append()
        runs.push(Promise.resolve([{ op: op.op, code: 'malformed' }]))
      } else run.push(op)
    }
    append()
    const [first, ...others] = runs
    if (first !== undefined && others.length === 0) return first
    const settled = await Promise.allSettled(runs)
    const failed = settled.find((one) => one.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  }

  #answer(pending: Pending, results: readonly OpResult[]): void {
    pending.results = results
    if (!this.#isAnswering) void this.#tell()
  }

  /** The other pushes of this commit are answered in the same turn. */
  async #tell(): Promise<void> {
    this.#isAnswering = true
    await endOfTurn
    this.#isAnswering = false
    const committed: CommittedOp[] = []
    const refused: RefusedOp[] = []
    let gone = 0
    for (const pending of this.#pending) {
      if (pending.results === undefined) break
      gone++
      this.#bytes -= pending.bytes
      this.#ops -= pending.ops.length
      this.#session.context.counters.pushedBytesWaiting -= pending.bytes
      for (let at = 0; at < pending.ops.length; at++) {
        const result = pending.results[pending.from + at] as OpResult
        if ('code' in result) refused.push(result)
        else {
          committed.push(result)
          if (result.gapped) this.#rememberGap(pending.ops[at])
        }
      }
    }
    this.#pending.splice(0, gone)
    this.#session.tellCommitted(committed)
    this.#tellRefused(refused)
    if (this.isIdle && this.#whenIdle !== undefined) {
      const idle = this.#whenIdle
      this.#whenIdle = undefined
      for (const listener of idle) listener()
    }
  }

  #tellRefused(refused: readonly RefusedOp[]): void {
    const { limits, counters } = this.#session.context
    for (const { code } of refused) counters.error(code)
    for (let at = 0; at < refused.length; at += messageBounds.maxPushedOps) {
      const results = refused.slice(at, at + messageBounds.maxPushedOps)
      const isPaced = results.some(({ code }) => pacedCodes.has(code))
      this.#session.send({
        type: 'refused',
        results,
        ...(isPaced && { retryAfterMs: limits.retryAfterMs }),
      })
    }
  }

  #rememberGap(op: PushedOp | undefined): void {
    if (op === undefined) return
    const document: DocumentRef = op.document
    this.#collection.gaps.remember(this.#session, document, op.op)
  }
}

/** Come again, but not at once. */
const pacedCodes: ReadonlySet<ErrorCode> = new Set([
  'rate-limited',
  'unavailable',
  'storage-full',
  'storage-failed',
  'internal',
])

/** Not queueMicrotask, which in Node costs as much as making a frame. */
const endOfTurn = Promise.resolve()
const noBytes = new Uint8Array(0)
const nobody: readonly PageTarget[] = []

function bytesOf(op: PushedOp): Uint8Array {
  return op.kind === 'tombstone' ? noBytes : op.bytes
}

function resultOf(op: OpId, outcome: AppendOutcome | DeleteOutcome | undefined): OpResult {
  if (outcome === undefined) return { op, code: 'internal' }
  if (outcome.status === 'refused') return { op, code: outcome.refusal.code }
  const gapped = 'gapped' in outcome && outcome.gapped
  return outcome.added
    ? { outcome: 'stored', op, seq: outcome.seq, gapped }
    : { outcome: 'contained', op, gapped }
}
