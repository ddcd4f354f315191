import { messageBounds, type DocumentRef, type MessageOf } from '@holdfast/peer/protocol'

/** A document that a reader could give. */
export interface Offered {
  readonly document: DocumentRef
  /** About how much, by the reader's word. */
  readonly bytes: number
  readonly isAccepted: boolean
}

/**
 * What one reader could give that the log lacks, by its own word. It may upload what of it an
 * administrator has accepted.
 */
export class Offers {
  readonly #offeredByKey = new Map<string, Offered>()

  get all(): Iterable<Offered> {
    return this.#offeredByKey.values()
  }

  /** What is too many is offered again when the reader compares again. */
  hear({ documents }: MessageOf<'offer'>): void {
    for (const { document, bytes } of documents) {
      if (this.#offeredByKey.size >= messageBounds.maxDocuments) return
      this.#offeredByKey.set(keyOf(document), { document, bytes, isAccepted: false })
    }
  }

  /** False: it is not offered. */
  accept(document: DocumentRef): boolean {
    const offered = this.#offeredByKey.get(keyOf(document))
    if (offered !== undefined) {
      this.#offeredByKey.set(keyOf(document), { ...offered, isAccepted: true })
    }
    return offered !== undefined
  }

  isAccepted(document: DocumentRef): boolean {
    return this.#offeredByKey.get(keyOf(document))?.isAccepted === true
  }
}

function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
