import type { Clock, Logger, Random } from '@holdfast/peer/ports'

/** What the operator may set; every one has a default that is safe. */
export interface LogPolicy {
  /** Largest op, in bytes. A document written by one person in a year is rarely larger. */
  readonly maxOpBytes: number
  /** Largest document: snapshot and tail together. What a browser can still load. */
  readonly maxDocumentBytes: number
  readonly maxDocumentsPerCollection: number
  readonly maxCollections: number
  /** Per document: bytes stored although something that they refer to is missing. */
  readonly maxParkedBytes: number
  /** How far beyond a document's known clocks an op may refer or delete and still be parked. */
  readonly maxAheadClocks: number
  /** In all: bytes kept of what was refused or set aside. */
  readonly maxQuarantineBytes: number
  /** Waiting for the writer; beyond it appends are refused as `unavailable`. */
  readonly maxQueuedBytes: number
  /** A lease that was not seen for so long no longer holds rows back. */
  readonly peerTimeoutMs: number
  /** A document is ripe at so many rows … */
  readonly ripeRows: number
  /** … or so many bytes in its tail, provided the tail is also a fair part of its snapshot. */
  readonly ripeBytes: number
  /** Retained for laggards at the most, per document. Beyond it they get the snapshot. */
  readonly maxTailRows: number
  readonly maxTailBytes: number
  readonly maxTailAgeMs: number
  /** A gap that has been open for so long no longer holds compaction back. */
  readonly gapAgeMs: number
  /** First pause after a failed compaction; doubles up to a day. */
  readonly compactionBackoffMs: number
}

export const defaultLogPolicy: LogPolicy = {
  maxOpBytes: 64 * 1024 * 1024,
  maxDocumentBytes: 256 * 1024 * 1024,
  maxDocumentsPerCollection: 1_000_000,
  maxCollections: 100_000,
  maxParkedBytes: 8 * 1024 * 1024,
  maxAheadClocks: 2 ** 24,
  maxQuarantineBytes: 64 * 1024 * 1024,
  maxQueuedBytes: 256 * 1024 * 1024,
  peerTimeoutMs: 24 * 60 * 60 * 1000,
  ripeRows: 2_000,
  ripeBytes: 1024 * 1024,
  maxTailRows: 100_000,
  maxTailBytes: 64 * 1024 * 1024,
  maxTailAgeMs: 7 * 24 * 60 * 60 * 1000,
  gapAgeMs: 60 * 60 * 1000,
  compactionBackoffMs: 60_000,
}

/** What a log needs from the world. */
export interface LogWorld {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}
