/**
 * How many bytes may be under way on a link, unacknowledged. It bounds what a keystroke waits behind,
 * and stays far below the size at which data channels lose data.
 *
 * The window follows the queue that it causes: the time from sending to acknowledgement beyond the
 * least that was seen. While the window is what holds a transfer back and the queue stays short it
 * grows, so that a long path is used; when the queue grows it shrinks, so that typing stays live.
 */
export class Window {
  readonly #isPrompt: boolean
  #bytes = windowBounds.startBytes
  #path: Measured | undefined
  #timed: Timed | undefined
  #ackedBytes = 0

  /** @param isPrompt whether the other side acknowledges little as soon as much, or takes its time */
  constructor(isPrompt = true) {
    this.#isPrompt = isPrompt
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Bytes of data frames that the other side has told to have received. */
  get ackedBytes(): number {
    return this.#ackedBytes
  }

  /** The last measured; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.#path?.roundTripMs
  }

  /** What the link carries at the least, by the last measurement; 0 before the first. */
  get bytesPerMs(): number {
    return this.#path?.bytesPerMs ?? 0
  }

  /**
   * Whether the frame that was just sent is to be timed. Of one who takes its time over little, only
   * the frame that makes it much: that one is acknowledged at once.
   */
  wantsTime(sentBytes: number): boolean {
    if (this.#timed !== undefined) return false
    return this.#isPrompt || sentBytes - this.#ackedBytes >= windowBounds.acknowledgeEveryBytes
  }

  /** A data frame was sent; `sentBytes` with it. */
  sent(sentBytes: number, nowMs: number): void {
    this.#timed ??= {
      endBytes: sentBytes,
      aheadBytes: sentBytes - this.#ackedBytes,
      sentAtMs: nowMs,
      limited: false,
    }
  }

  /** There was more to send than the window allows. */
  limited(): void {
    if (this.#timed !== undefined) this.#timed.limited = true
  }

  /**
   * The other side has so many bytes. False if that is more than was sent, or less than it said
   * before: then it does not tell the truth.
   */
  acked(ackedBytes: number, sentBytes: number, nowMs: number): boolean {
    if (ackedBytes > sentBytes || ackedBytes < this.#ackedBytes) return false
    const isAtOnce =
      this.#isPrompt || ackedBytes - this.#ackedBytes >= windowBounds.acknowledgeEveryBytes
    this.#ackedBytes = ackedBytes
    const timed = this.#timed
    if (timed !== undefined && ackedBytes >= timed.endBytes) {
      this.#timed = undefined
      if (isAtOnce) this.#measured(nowMs - timed.sentAtMs, timed)
    }
    return true
  }

  #measured(roundTripMs: number, { aheadBytes, limited }: Timed): void {
    const leastRoundTripMs = Math.min(this.#path?.leastRoundTripMs ?? Infinity, roundTripMs)
    const bytesPerMs = aheadBytes / Math.max(1, roundTripMs)
    this.#path = { roundTripMs, leastRoundTripMs, bytesPerMs }
    const queueMs = roundTripMs - leastRoundTripMs
    const { minBytes, maxBytes, shortQueueMs, longQueueMs } = windowBounds
    if (queueMs > longQueueMs) {
      this.#bytes = Math.max(minBytes, Math.floor(this.#bytes * 0.75))
    } else if (limited && queueMs < shortQueueMs) {
      this.#bytes = Math.min(maxBytes, Math.floor(this.#bytes * 1.25))
    }
  }
}

interface Measured {
  /** The last, and the least that was seen. */
  readonly roundTripMs: number
  readonly leastRoundTripMs: number
  /** What the link carries at the least. */
  readonly bytesPerMs: number
}

/** The frame whose acknowledgement is timed. */
interface Timed {
  /** All bytes up to its end … */
  readonly endBytes: number
  /** … and of these, what was not acknowledged then: all of it leaves before the answer comes. */
  readonly aheadBytes: number
  readonly sentAtMs: number
  limited: boolean
}

const KiB = 1_024

export const windowBounds = {
  /** Full rate on a loopback or a local network; 52 ms of a 20 Mbit/s link. */
  startBytes: 128 * KiB,
  /** Two acknowledgements' worth: less would stop and go. */
  minBytes: 64 * KiB,
  /** 80 Mbit/s over a path of 100 ms. Sixteen times below the size at which channels drop data. */
  maxBytes: 1_024 * KiB,
  /** Acknowledged after so many bytes, so that the window never stands still … */
  acknowledgeEveryBytes: 32 * KiB,
  /** … and this long after the first byte that is not, so that a sender learns of its last one. */
  acknowledgeWithinMs: 40,
  /** … which on a link to an archive nobody waits for: there it is gathered. */
  acknowledgeLateMs: 1_250,
  /** What the platform may hold back by itself before we wait for an acknowledgement: a belt. */
  maxBufferedBytes: 256 * KiB,
  /** Frames grow where the largest takes no longer: the other side hears nothing meanwhile. */
  maxFrameMs: 250,
  /** A keystroke behind a queue this short is still felt as immediate. */
  shortQueueMs: 30,
  /** Above this, typing beside a transfer would be felt. */
  longQueueMs: 60,
} as const
