import type { BuildResult, BuildSource } from './builder.js'

/** Builds snapshots somewhere where a hang or a flood of memory does no harm. */
export interface SnapshotBuilder {
  /** Takes the source's buffers away. One build at a time; never rejects. */
  build(source: BuildSource): Promise<BuildResult | BuildStopped>
  /** Ends what is under way as `stopped`. Idempotent. */
  close(): Promise<void>
}

/** The build did not come to an end; `seq` is the row that it was working on. */
export interface BuildStopped {
  readonly status: 'timeout' | 'out-of-memory' | 'crashed' | 'closed'
  readonly seq: number
  /** Whether it was at that row for at least half of the deadline. */
  readonly stuck: boolean
  readonly reason: string
}
