import type { Undo } from '@holdfast/peer/ports'
import type { DocumentId } from '@holdfast/peer/protocol'
import type { ReplicaContext } from './context.js'
import { foldDocument } from './folding.js'

/** Folds documents that have grown, one after the other, each in a turn of its own. */
export class Folds {
  readonly #context: ReplicaContext
  readonly #isClosing: () => boolean
  readonly #ripe = new Set<DocumentId>()
  #soon: Undo | undefined

  constructor(context: ReplicaContext, isClosing: () => boolean) {
    this.#context = context
    this.#isClosing = isClosing
  }

  foldSoon(id: DocumentId): void {
    if (this.#isClosing()) return
    this.#ripe.add(id)
    this.#soon ??= this.#context.clock.after(0, () => {
      this.#soon = undefined
      void this.#fold()
    })
  }

  stop(): void {
    this.#soon?.()
  }

  async #fold(): Promise<void> {
    const { serial, logger } = this.#context
    for (const id of this.#ripe) {
      this.#ripe.delete(id)
      try {
        await serial.run(async () => {
          if (!this.#isClosing()) await foldDocument(this.#context, id)
        })
      } catch (error) {
        // Nothing is lost by it: the document is folded when it has grown again.
        logger.error('a document could not be folded', { error: String(error) })
      }
    }
  }
}
