/** Tells who is linked and what is synced, once for all that changes in one turn. */
import type { Clock, Logger, Undo } from '../ports/index.js'
import type { DocumentId, DocumentRef } from '../protocol/index.js'
import { Listeners } from '../signalling/listeners.js'
import type { LinkedPeer } from './collection-mesh.js'

interface CollectionNewsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly peers: () => readonly LinkedPeer[]
  /** Those that are open here. */
  readonly documents: () => Iterable<{ readonly ref: DocumentRef; readonly isSynced: boolean }>
}

export class CollectionNews {
  readonly onPeers: Listeners<[readonly LinkedPeer[]]>
  /** A document has become synced. */
  readonly onSynced: Listeners<[DocumentRef]>
  readonly #options: CollectionNewsOptions
  readonly #synced = new Set<DocumentId>()
  #telling: Undo | undefined
  #toldPeers = ''
  #isClosed = false

  constructor(options: CollectionNewsOptions) {
    this.#options = options
    this.onPeers = new Listeners(options.logger)
    this.onSynced = new Listeners(options.logger)
  }

  /** Several links may change in one turn. */
  tellSoon(): void {
    if (this.#isClosed) return
    this.#noteUnsynced()
    this.#telling ??= this.#options.clock.after(0, () => {
      this.#telling = undefined
      this.#tellPeers()
      this.#noteUnsynced()
      this.#tellSynced()
    })
  }

  /** A document is closed: under its name another may become synced. */
  forget(id: DocumentId): void {
    this.#synced.delete(id)
  }

  close(): void {
    this.#isClosed = true
    this.onPeers.clear()
    this.onSynced.clear()
    this.#telling?.()
  }

  /** What is synced again before it is told has not been so meanwhile: somebody may have looked then. */
  #noteUnsynced(): void {
    for (const { ref, isSynced } of this.#options.documents()) {
      if (!isSynced) this.#synced.delete(ref.id)
    }
  }

  #tellPeers(): void {
    const peers = this.#options.peers()
    const told = JSON.stringify(peers)
    if (told === this.#toldPeers) return
    this.#toldPeers = told
    this.onPeers.tell(peers)
  }

  #tellSynced(): void {
    for (const { ref, isSynced } of this.#options.documents()) {
      if (!isSynced || this.#synced.has(ref.id)) continue
      this.#synced.add(ref.id)
      this.onSynced.tell(ref)
    }
  }
}
