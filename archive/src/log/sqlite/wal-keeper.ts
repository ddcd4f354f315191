import type { Logger } from '@holdfast/peer/ports'
import type { ReaderHost, WriterHost } from './hosts.js'
import { checkpointPages } from './pragmas.js'

export interface WalKeeperOptions {
  readonly writer: WriterHost
  /** Carries pages over beside the writer. */
  readonly beside: ReaderHost
  readonly logger: Logger
}

/**
 * Keeps the write-ahead log short, and commits waiting for that as little as can be.
 *
 *     group ─► group ─► group ─► group ─► group ─► group     the writer
 *        └ long enough             └ the rest ┘
 *             └► most of it ──────────┘                      beside it
 *
 * Carrying twelve megabytes over takes some ten milliseconds, in which nothing could be committed, so
 * it is done beside the writer. What is committed meanwhile is little, but only the writer can carry
 * over the last page, for only then does none come after it.
 */
export class WalKeeper {
  readonly #options: WalKeeperOptions
  #duePages = checkpointPages
  #running: Promise<void> | undefined

  constructor(options: WalKeeperOptions) {
    this.#options = options
  }

  /** A commit has left so many pages that are not in the file yet. */
  committed(walPages: number): void {
    if (walPages < checkpointPages) this.#duePages = checkpointPages
    if (walPages >= this.#duePages) this.#running ??= this.#carryOver(walPages)
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#running
  }

  /** Never rejects: commits do it themselves where this cannot, and are heard if they fail. */
  async #carryOver(walPages: number): Promise<void> {
    const { writer, beside, logger } = this.#options
    let leftPages = walPages
    try {
      await beside.call('checkpoint')
      leftPages = await writer.call('checkpoint')
    } catch (error) {
      logger.info('the write-ahead log was not carried over', { error: String(error) })
    }
    // What a reader still needs, or a full disk has no room for, is tried again with the next.
    this.#duePages = leftPages + checkpointPages
    this.#running = undefined
  }
}
