/**
 * What the way from one host to another does to frames. Rates are chances from 0 to 1 for each
 * frame. Whatever is changed holds for frames sent from then on.
 */
export interface PathConditions {
  /** One way, in milliseconds. */
  readonly delayMs: number
  /** Up to so much more, drawn for each frame. Order is kept all the same. */
  readonly jitterMs: number
  /** What the sender's line carries. Frames wait their turn; until then they count as buffered. */
  readonly bytesPerSecond: number
  /** Frames that vanish while the link stays open: the reliable channel that lies. */
  readonly dropRate: number
  /** Frames that arrive a second time. Breaks the promise of `Link`, on purpose. */
  readonly duplicateRate: number
  /** Frames that are held back and overtaken. Breaks the promise of `Link`, on purpose. */
  readonly reorderRate: number
  /** How long a reordered or doubled frame is held back at most, in milliseconds. */
  readonly holdBackMs: number
  /**
   * With more than so many bytes buffered, frames vanish and the link stays open. WebRTC in Node
   * does this at 16 MiB.
   */
  readonly silentLossAboveBytes: number
  /** Largest frame that a link takes; read when the link is made. */
  readonly maxFrameBytes: number
  /**
   * What a close costs beyond the delay until the other side hears of it. `Infinity`: it never
   * does, and believes the link open for ever.
   */
  readonly closeNoticeMs: number
  /** Chance that a close loses a part of what is still on its way, newest first. */
  readonly closeLossRate: number
  /** How long a link stands a cut before both sides, each at its own moment, give it up as failed. */
  readonly failAfterMs: number
}

/** A short, fast, honest way that keeps all frames. */
export const goodPath: PathConditions = {
  delayMs: 1,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  dropRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  holdBackMs: 50,
  silentLossAboveBytes: Number.POSITIVE_INFINITY,
  // What WebRTC takes in one message.
  maxFrameBytes: 262_144,
  closeNoticeMs: 0,
  closeLossRate: 0,
  failAfterMs: Number.POSITIVE_INFINITY,
}
