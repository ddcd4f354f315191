import type * as Y from 'yjs'
import type { Awareness } from '../presence/index.js'
import type { DocumentRef } from '../protocol/index.js'

/** A document that is open here. */
export interface MeshDocument {
  readonly ref: DocumentRef
  readonly ydoc: Y.Doc
  /** Who has it open, and what they show. Takes the place of y-protocols' in editor bindings. */
  readonly awareness: Awareness
  /**
   * All neighbours are confirmed to hold what this side held when they met, and this side what they
   * did. False while nobody is linked.
   */
  readonly isSynced: boolean
  /** Ends syncing it. The Y.Doc stays as it is. Idempotent. */
  close(): void
}

export class OpenDocument implements MeshDocument {
  readonly ref: DocumentRef
  readonly ydoc: Y.Doc
  readonly awareness: Awareness
  readonly #isSynced: () => boolean
  readonly #close: () => void
  #isClosed = false

  constructor(
    ref: DocumentRef,
    ydoc: Y.Doc,
    awareness: Awareness,
    isSynced: () => boolean,
    close: () => void,
  ) {
    this.ref = ref
    this.ydoc = ydoc
    this.awareness = awareness
    this.#isSynced = isSynced
    this.#close = close
  }

  get isSynced(): boolean {
    return !this.#isClosed && this.#isSynced()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#close()
  }
}
