import type { ErrorCode } from '@holdfast/peer/protocol'

/** What a node has done since it was made: for `/metrics` and for tests that ask whether it did. */
export class NodeCounters {
  accepted = 0
  proven = 0
  pushes = 0
  pushedOps = 0
  /** Bytes of pushes that wait for the disk. */
  pushedBytesWaiting = 0
  subscriptions = 0
  resyncs = 0
  pages = 0
  /** Of these, pages that went to readers at the head without being read from the log. */
  livePages = 0
  logReads = 0
  places = 0
  /** Readers that had to wait for their link, each time. */
  pauses = 0
  acks = 0
  fetches = 0
  gapRequests = 0
  hintsAsked = 0
  hintsAgreed = 0
  laggards = 0
  presenceRelayed = 0
  presenceDropped = 0
  readonly errorsByCode = new Map<ErrorCode, number>()
  readonly closedByCode = new Map<ErrorCode | 'none', number>()

  error(code: ErrorCode): void {
    this.errorsByCode.set(code, (this.errorsByCode.get(code) ?? 0) + 1)
  }

  closed(code: ErrorCode | undefined): void {
    const key = code ?? 'none'
    this.closedByCode.set(key, (this.closedByCode.get(key) ?? 0) + 1)
  }
}
