/*
 * One socket of an unmodified y-websocket 3 client. It is told of changes like this:
 *
 *            step 1                flushed, nothing missed           1 MiB waits
 *   silent ─────────▶ catching up ─────────────────────────▶ live ──────────────▶ behind
 *                      ▲   │  ▲                               │                      │
 *                      └───┘  └────────── step 1 ─────────────┘                      │
 *                   something was                                                    │
 *                   missed: once more, from there ◀────────── drained ───────────────┘
 *
 * Catching up answers with what the log holds beyond a state vector: the one that the client has
 * named, later the one of what it has been given. So there is no queue for a reader: it is a vector,
 * and one message on its way.
 *
 * What the client sends is stored, in order, one group at a time; while too much of it waits the
 * socket is not read. The protocol has no word for "stored": what a client has sent and the log has
 * not taken when the socket closes, it sends again when both compare at its return.
 */
import { TokenBucket } from '@holdfast/access'
import { canWrite, readStateVector, type Access, type ErrorCode } from '@holdfast/peer/protocol'
import type { Undo } from '@holdfast/peer/ports'
import { LogError } from '../log/errors.js'
import type { AppendOutcome } from '../log/port.js'
import type { Answer } from './answers.js'
import type { YWebsocketContext } from './context.js'
import type { Room, RoomMember } from './room.js'
import type { YWebsocketListener, YWebsocketSocket } from './socket.js'
import { StoringQueue } from './storing-queue.js'
import {
  closeCodeOf,
  emptyUpdate,
  encodeDenied,
  encodeSignOfLife,
  encodeStep1,
  readMessage,
  type YWebsocketMessage,
} from './wire.js'

export class YWebsocketSession implements YWebsocketListener, RoomMember {
  readonly #context: YWebsocketContext
  readonly #room: Room
  readonly #socket: YWebsocketSocket
  readonly #access: Access
  readonly #expiresAtMs: number
  readonly #rate: TokenBucket
  readonly #shows: TokenBucket
  /** Of the pauses of one who talks too fast. */
  readonly #pauses = new Set<Undo>()
  readonly #queue: StoringQueue
  readonly #onClosed: () => void
  #isClosed = false
  /** What the client gets of the document's changes. */
  #reading: 'silent' | 'catching-up' | 'live' | 'behind' = 'silent'
  /** What has been asked for and is not being answered yet. */
  #asked: Uint8Array | undefined
  /** The last change that was not given to the socket. */
  #missedSeq = 0
  /** Has to show first that it is none of a document that was deleted; then it is told of this one. */
  #isUnderSuspicion = false
  readonly #whenEnded: Promise<void>
  #tellEnded: () => void = () => {}
  #heardAtMs: number
  #hasAsked = false
  #saidAtMs: number
  #deniedAtMs = Number.NEGATIVE_INFINITY

  /** @param expiresAtMs of its token, on the monotonic clock; Infinity: never */
  constructor(
    context: YWebsocketContext,
    room: Room,
    socket: YWebsocketSocket,
    access: Access,
    expiresAtMs: number,
    onClosed: () => void,
  ) {
    const { clock, limits } = context
    this.#context = context
    this.#room = room
    this.#socket = socket
    this.#access = access
    this.#expiresAtMs = expiresAtMs
    this.#rate = new TokenBucket(clock, limits.messagesPerSecond, limits.messageBurst)
    this.#shows = new TokenBucket(
      clock,
      limits.presenceDeliveriesPerSecond,
      limits.presenceDeliveriesBurst,
    )
    this.#queue = new StoringQueue(socket, limits.maxPendingBytes, (updates) =>
      this.#store(updates),
    )
    this.#onClosed = onClosed
    this.#heardAtMs = clock.monotonic()
    this.#saidAtMs = this.#heardAtMs
    this.#whenEnded = new Promise((resolve) => (this.#tellEnded = resolve))
  }

  /** The room has loaded: asks the client for what the document lacks. */
  open(): void {
    if (this.#isClosed) return
    if (canWrite(this.#access)) {
      this.#isUnderSuspicion = this.#room.document.generation > 0
      this.#say(encodeStep1(this.#room.stateVector))
    }
    const { presence } = this.#room
    if (presence !== undefined) this.#say(presence)
    this.#queue.open()
    this.#answer()
  }

  /** Looks at the deadlines. */
  tick(nowMs: number): void {
    const { idleMs, keepAliveMs } = this.#context.limits
    if (nowMs >= this.#expiresAtMs) this.end('token-expired')
    else if (nowMs >= this.#heardAtMs + idleMs) this.end('timeout')
    else if (nowMs >= this.#heardAtMs + idleMs / 2 && !this.#hasAsked) {
      this.#hasAsked = true
      this.#socket.ping()
    }
    if (nowMs >= this.#saidAtMs + keepAliveMs) this.#say(encodeSignOfLife())
  }

  /** Counts why, and closes: for good or until later, as the code says. */
  end(code: ErrorCode): void {
    if (this.#isClosed) return
    this.#context.counters.refused(code)
    this.#context.logger.debug('a y-websocket client was closed', { code })
    this.#over()
    this.#socket.close(closeCodeOf(code), code)
  }

  // From the socket --------------------------------------------------------------------------------

  onMessage(bytes: Uint8Array): void {
    if (this.#isClosed) return
    this.onPong()
    this.#slowDown()
    const message = readMessage(bytes)
    try {
      if (message.ok) this.#take(message.value)
      else this.end(message.refusal.code)
    } catch (error) {
      // Nothing that is sent does this: it is a fault of ours, and must not end the others.
      this.#context.logger.error('a y-websocket message failed', { reason: String(error) })
      this.end('internal')
    }
  }

  onForeign(): void {
    this.end('unexpected-message')
  }

  onOversized(): void {
    this.end('too-large')
  }

  onPong(): void {
    this.#heardAtMs = this.#context.clock.monotonic()
    this.#hasAsked = false
  }

  onEnd(): void {
    this.#over()
  }

  // From the room ----------------------------------------------------------------------------------

  deliver(message: Uint8Array, seq: number): void {
    if (this.#isClosed) return
    if (this.#reading === 'live' && this.#hasRoom) {
      this.#context.counters.sent++
      this.#say(message)
      return
    }
    this.#missedSeq = seq
    if (this.#reading === 'live') void this.#fallBehind()
  }

  /** Presence is told again every few seconds: who has no room for it misses this once. */
  deliverPresence(message: Uint8Array): void {
    if (!this.#isClosed && this.#hasRoom) this.#say(message)
  }

  mayShow(viewers: number): boolean {
    return this.#shows.take(viewers)
  }

  // ------------------------------------------------------------------------------------------------

  #take(message: YWebsocketMessage): void {
    switch (message.type) {
      case 'step-1':
        this.#compare(message.stateVector)
        return
      case 'step-2':
      case 'update':
        this.#takeUpdate(message.update)
        return
      case 'awareness': {
        const refused = this.#room.takePresence(this, message.update)
        if (refused !== undefined) this.end(refused)
        return
      }
      case 'query-awareness': {
        const { presence } = this.#room
        if (presence !== undefined && this.#hasRoom) this.#say(presence)
      }
    }
  }

  #compare(stateVector: Uint8Array): void {
    const vector = readStateVector(stateVector)
    if (!vector.ok) {
      this.end(vector.refusal.code)
      return
    }
    this.#asked = stateVector.slice()
    this.#answer()
  }

  #takeUpdate(update: Uint8Array): void {
    if (canWrite(this.#access)) {
      this.#context.counters.received++
      this.#queue.add(update)
      return
    }
    if (update.byteLength <= emptyUpdate.byteLength) return
    this.#context.counters.refused('forbidden')
    const nowMs = this.#context.clock.monotonic()
    if (nowMs - this.#deniedAtMs < deniedEveryMs || !this.#hasRoom) return
    this.#deniedAtMs = nowMs
    this.#say(encodeDenied('forbidden: this token may only read'))
  }

  /** Stores a group; what the log will never take, or not now, ends the socket with its code. */
  async #store(updates: readonly Uint8Array[]): Promise<void> {
    const { log } = this.#context
    const { collection, document, id } = this.#room
    try {
      if (document.generation > 0) {
        for (const update of updates) {
          if (await log.touchesDeleted(collection, id, update)) {
            this.end('document-deleted')
            return
          }
        }
      }
      if (this.#isClosed) return
      const outcomes = await this.#room.underway(this, updates, () =>
        log.append(updates.map((bytes) => ({ collection, document, kind: 'upload', bytes }))),
      )
      this.#judge(outcomes)
    } catch (error) {
      this.end(codeOf(error))
    }
  }

  #judge(outcomes: readonly AppendOutcome[]): void {
    for (const outcome of outcomes) {
      if (outcome.status === 'refused') {
        this.end(outcome.refusal.code)
        return
      }
    }
    if (!this.#isUnderSuspicion) return
    this.#isUnderSuspicion = false
    this.#answer()
  }

  /** Begins to answer what was asked for, if now is the time. */
  #answer(): void {
    const { ended } = this.#room
    if (ended !== undefined) this.end(ended)
    if (this.#isClosed || this.#asked === undefined) return
    if (this.#isUnderSuspicion || !this.#queue.isOpen) return
    if (this.#reading !== 'silent' && this.#reading !== 'live') return
    const from = this.#asked
    this.#asked = undefined
    this.#reading = 'catching-up'
    void this.#catchUp('step-2', from)
  }

  /** Everything given so far is in the socket: the rest follows when that has been taken. */
  async #fallBehind(): Promise<void> {
    const { counters } = this.#context
    this.#reading = 'behind'
    counters.behind++
    counters.fellBehind++
    // The change that did not fit is not in it yet.
    const from = this.#room.stateVector
    await this.#sendAndWait(encodeSignOfLife(), this.#socket.bufferedBytes)
    counters.behind--
    this.#reading = 'catching-up'
    await this.#catchUp('update', from)
  }

  async #catchUp(first: 'step-2' | 'update', start: Uint8Array): Promise<void> {
    let type = first
    let from: Uint8Array | undefined = start
    try {
      while (from !== undefined && !this.#isClosed) {
        const { given, through } = await this.#sendFrom(type, from)
        // In the turn that goes on: nothing falls between the last look and being live.
        from = this.#asked ?? (this.#missedSeq > through ? given : undefined)
        type = this.#asked === undefined ? 'update' : 'step-2'
        this.#asked = undefined
      }
      this.#reading = 'live'
    } catch (error) {
      this.#context.logger.error('a y-websocket client could not be answered', {
        reason: String(error),
      })
      this.end(codeOf(error))
    }
  }

  /** Sends what lies beyond a vector. Gives what the client then holds, by vector and by seq. */
  async #sendFrom(type: 'step-2' | 'update', from: Uint8Array): Promise<Answer> {
    const answer = await this.#room.answers.take(type, from)
    try {
      const { bytes, messages } = answer
      const last = messages.at(-1)
      for (const message of messages.slice(0, -1)) this.#say(message)
      this.#context.counters.sent += messages.length
      if (last !== undefined) await this.#sendAndWait(last, bytes)
      return answer
    } finally {
      answer.release()
    }
  }

  /** Resolves when all that was sent has been taken, or the session is over. */
  async #sendAndWait(message: Uint8Array, waitingBytes: number): Promise<void> {
    const { clock, limits } = this.#context
    const graceMs = limits.slowReaderMs + (waitingBytes / limits.slowReaderBytesPerSecond) * 1000
    const undo = clock.after(graceMs, () => this.end('slow-reader'))
    const flushed = new Promise<void>((resolve) => this.#say(message, resolve))
    await Promise.race([flushed, this.#whenEnded])
    undo()
  }

  get #hasRoom(): boolean {
    return this.#socket.bufferedBytes <= this.#context.limits.maxBufferedBytes
  }

  #say(message: Uint8Array, onFlushed?: () => void): void {
    if (this.#isClosed) return
    this.#saidAtMs = this.#context.clock.monotonic()
    this.#socket.send(message, onFlushed)
  }

  /** Whoever talks faster than the rate is read later. */
  #slowDown(): void {
    const waitMs = this.#rate.borrow(1)
    if (waitMs <= 0) return
    const resume = this.#queue.hold()
    const undo = this.#context.clock.after(waitMs, () => {
      this.#pauses.delete(undo)
      resume()
    })
    this.#pauses.add(undo)
  }

  #over(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#queue.close()
    for (const undo of this.#pauses) undo()
    this.#pauses.clear()
    this.#tellEnded()
    this.#room.leave(this)
    this.#onClosed()
  }
}

/** What a failure of the log comes to for a client. */
function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof LogError)) return 'internal'
  if (error.code === 'closed') return 'going-away'
  return error.code === 'storage-full' ? 'storage-full' : 'storage-failed'
}

/** Its words end up in the client's console. */
const deniedEveryMs = 1_000
