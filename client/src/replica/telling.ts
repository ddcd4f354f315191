import { Listeners } from '@holdfast/peer'
import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import type { DocumentId, DocumentRef } from '@holdfast/peer/protocol'
import type { ReplicaEvent } from './open-document.js'

export interface TellingOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Nothing new is told from now on. */
  readonly isClosing: () => boolean
  /** Those who wait for a state look, before anybody is told of it. */
  readonly look: () => void
  /** The document's own listeners. */
  readonly tellState: (id: DocumentId) => void
}

/**
 * What a replica tells its application: events at once, states of documents together and in a later
 * turn. A listener that throws harms nobody else.
 */
export class Telling {
  readonly onEvent = new Listeners<[ReplicaEvent]>()
  readonly onState = new Listeners<[readonly DocumentId[]]>()
  readonly onReplaced = new Listeners<[DocumentRef]>()
  readonly #options: TellingOptions
  /** Documents whose state may have changed since it was told. */
  readonly #touched = new Set<DocumentId>()
  #soon: Undo | undefined

  constructor(options: TellingOptions) {
    this.#options = options
  }

  event(event: ReplicaEvent): void {
    this.guarded('an event', () => this.onEvent.tell(event))
  }

  replaced(document: DocumentRef): void {
    this.guarded('a replaced document', () => this.onReplaced.tell(document))
  }

  /** Their states may have changed. */
  touch(...ids: readonly DocumentId[]): void {
    for (const id of ids) this.#touched.add(id)
    if (this.#options.isClosing()) return
    this.#soon ??= this.#options.clock.after(0, () => {
      this.#soon = undefined
      this.#states()
    })
  }

  guarded(what: string, tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#options.logger.error(`a listener of ${what} threw`, { error: String(error) })
    }
  }

  /** What was not told yet is not told any more. */
  stop(): void {
    this.#soon?.()
  }

  /** Nobody is told of anything from now on. */
  clear(): void {
    this.onEvent.clear()
    this.onState.clear()
    this.onReplaced.clear()
  }

  #states(): void {
    const ids = [...this.#touched]
    this.#touched.clear()
    this.#options.look()
    this.guarded('states', () => {
      for (const id of ids) this.#options.tellState(id)
      this.onState.tell(ids)
    })
  }
}
