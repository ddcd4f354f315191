import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import type { Digest, DocumentId } from '@holdfast/peer/protocol'
import { replicaBounds as bounds } from './limits.js'

export interface DigesterOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly read: (ids: readonly DocumentId[]) => Promise<ReadonlyMap<DocumentId, Digest>>
  /** Its digest is known now. */
  readonly found: (id: DocumentId) => void
}

/**
 * Computes digests that somebody asked for, of documents that are in the store alone: a few at a
 * time, with pauses. Nobody asks where there are no peers, and then nothing is computed.
 */
export class Digester {
  readonly #options: DigesterOptions
  readonly #wanted = new Set<DocumentId>()
  /** They have none: looked at again when they change. */
  readonly #without = new Set<DocumentId>()
  #pause: Undo | undefined
  #isBusy = false
  #isClosed = false

  constructor(options: DigesterOptions) {
    this.#options = options
  }

  want(id: DocumentId): void {
    if (this.#isClosed || this.#without.has(id)) return
    this.#wanted.add(id)
    this.#later()
  }

  changed(id: DocumentId): void {
    this.#without.delete(id)
  }

  close(): void {
    this.#isClosed = true
    this.#pause?.()
    this.#wanted.clear()
  }

  #later(): void {
    if (this.#isBusy || this.#pause !== undefined || this.#wanted.size === 0) return
    this.#pause = this.#options.clock.after(bounds.digestPauseMs, () => {
      this.#pause = undefined
      void this.#some()
    })
  }

  async #some(): Promise<void> {
    const { read, found, logger } = this.#options
    this.#isBusy = true
    const ids = [...this.#wanted].slice(0, bounds.digestsAtOnce)
    for (const id of ids) this.#wanted.delete(id)
    try {
      const digests = await read(ids)
      for (const id of ids) {
        if (digests.has(id)) found(id)
        else this.#without.add(id)
      }
    } catch (error) {
      // Asked for again by the next comparison.
      logger.error('digests could not be read', { error: String(error) })
    } finally {
      this.#isBusy = false
    }
    if (!this.#isClosed) this.#later()
  }
}
