import type { Clock } from '@holdfast/peer/ports'
import { LogError } from '../errors.js'
import type { CommitNews } from './commit-news.js'
import { Damaged } from './damaged.js'
import type { WriterHost } from './hosts.js'

/**
 * What happens when a reader meets something that is not as it was written: the writer takes it out,
 * and the rest is read again.
 */
export class Healing {
  readonly #writer: WriterHost
  readonly #clock: Clock
  readonly #news: CommitNews

  constructor(writer: WriterHost, clock: Clock, news: CommitNews) {
    this.#writer = writer
    this.#clock = clock
    this.#news = news
  }

  /** Rejects with `damaged` where the damage cannot be taken out. */
  async reading<Result>(read: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await read()
      } catch (error) {
        if (!(error instanceof Damaged)) throw error
        if (!(await this.#heal(error))) {
          throw new LogError('damaged', error.message, { cause: error })
        }
      }
    }
  }

  /** As `reading`; but what cannot be taken out, because nothing can be written now, is left out. */
  async readingAround<Result>(read: (skipDamaged: boolean) => Promise<Result>): Promise<Result> {
    try {
      return await this.reading(() => read(false))
    } catch (error) {
      if (error instanceof LogError && error.code !== 'damaged' && !isStorage(error)) throw error
      return read(true)
    }
  }

  async #heal({ document }: Damaged): Promise<boolean> {
    const { answer, gaps } = await this.#writer.call('heal', document, this.#clock.now())
    this.#news.announceGaps(gaps)
    return answer > 0
  }
}

function isStorage({ code }: LogError): boolean {
  return code === 'storage-full' || code === 'storage-failed'
}
