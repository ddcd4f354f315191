/** What the collection of a core tells: in a later turn, together, and only what has changed. */
import { Listeners } from '@holdfast/peer'
import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import type { CollectionStatus, LinkInfo } from '../api.js'

/** Between two times that the list is told. */
const tellListEveryMs = 50

export interface CollectionNewsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly status: () => CollectionStatus
  readonly links: () => readonly LinkInfo[]
  /** Shows in no status; but whoever waits for it looks when a status is told. */
  readonly isSynced: () => boolean
  /** Its documents tell what has changed of them: first, so that no status says more than they. */
  readonly tellDocuments: () => void
}

export class CollectionNews {
  /** Anything may be another, whether a status shows it or not. */
  readonly onNews = new Listeners<[]>()
  readonly onStatus = new Listeners<[CollectionStatus]>()
  readonly onLinks = new Listeners<[readonly LinkInfo[]]>()
  readonly onList = new Listeners<[]>()
  readonly #options: CollectionNewsOptions
  #telling: Undo | undefined
  #tellingList: Undo | undefined
  #toldStatus = ''
  #toldLinks = ''
  #isClosed = false

  constructor(options: CollectionNewsOptions) {
    this.#options = options
  }

  tellSoon(): void {
    if (this.#isClosed) return
    this.#telling ??= this.#options.clock.after(0, () => {
      this.#telling = undefined
      this.guarded(() => this.#tell())
    })
  }

  tellListSoon(): void {
    if (this.#isClosed) return
    this.#tellingList ??= this.#options.clock.after(tellListEveryMs, () => {
      this.#tellingList = undefined
      this.guarded(() => this.onList.tell())
    })
  }

  /** Whoever throws here is one of ours: the app's listeners are called elsewhere. The loop goes on. */
  guarded(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#options.logger.error('a listener of a collection threw', { error: String(error) })
    }
  }

  /** Nothing is armed, and nobody is told anything, afterwards. */
  close(): void {
    this.#isClosed = true
    this.#telling?.()
    this.#tellingList?.()
    for (const listeners of [this.onNews, this.onStatus, this.onLinks, this.onList]) {
      listeners.clear()
    }
  }

  #tell(): void {
    this.#options.tellDocuments()
    this.onNews.tell()
    const [status, links] = [this.#options.status(), this.#options.links()]
    const toldStatus = JSON.stringify([status, this.#options.isSynced()])
    if (toldStatus !== this.#toldStatus) {
      this.#toldStatus = toldStatus
      this.onStatus.tell(status)
    }
    const toldLinks = JSON.stringify(links.map(({ id, path, isSynced }) => [id, path, isSynced]))
    if (toldLinks !== this.#toldLinks) {
      this.#toldLinks = toldLinks
      this.onLinks.tell(links)
    }
  }
}
