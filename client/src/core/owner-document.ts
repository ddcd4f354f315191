import { Awareness, Listeners } from '@holdfast/peer'
import type { Clock, Random, Undo } from '@holdfast/peer/ports'
import type { DocumentId, DocumentRef } from '@holdfast/peer/protocol'
import type * as Y from 'yjs'
import type { DocumentState, WaitOptions } from '../api.js'
import { callingTheApp } from '../client/app-listeners.js'
import type { ClientError } from '../errors.js'
import type { CollectionReplica } from '../replica/collection-replica.js'
import type { OpenDocument, OpenDocumentState } from '../replica/open-document.js'
import type { CoreDocument, UnsavedOp } from './core.js'

export interface OwnerDocumentOptions {
  readonly open: OpenDocument
  readonly replica: CollectionReplica
  readonly awareness: Awareness | undefined
  readonly clock: Clock
  readonly random: Random
  readonly isSynced: (document: DocumentRef, state: OpenDocumentState) => boolean
  /** Others see it, with this awareness, or do not any more. */
  readonly show: (document: OwnerDocument) => void
  readonly hide: (document: OwnerDocument) => void
  readonly changed: () => void
  readonly gone: (document: OwnerDocument) => void
  /** What a listener of the app has thrown. */
  readonly report: (error: ClientError) => void
}

/** A document of the owner: the replica's, with the presence of those who have it open. */
export class OwnerDocument implements CoreDocument {
  readonly id: DocumentId
  readonly #options: OwnerDocumentOptions
  readonly #open: OpenDocument
  readonly #undo: readonly Undo[]
  readonly #onState = new Listeners<[DocumentState]>()
  readonly #onReplaced = new Listeners<[]>()
  #awareness: Awareness
  #told = ''
  #detaching: Promise<void> | undefined

  constructor(options: OwnerDocumentOptions) {
    const { open, awareness, clock, changed } = options
    this.#options = options
    this.#open = open
    this.id = open.id
    this.#awareness = awareness ?? new Awareness(open.ydoc, clock)
    this.#undo = [open.onState(changed), open.onReplaced(() => this.#replaced())]
    this.#told = JSON.stringify(this.state)
    options.show(this)
  }

  get document(): DocumentRef {
    return this.#open.document
  }

  get ydoc(): Y.Doc {
    return this.#open.ydoc
  }

  get awareness(): Awareness {
    return this.#awareness
  }

  get state(): DocumentState {
    const state = this.#open.state
    return { ...state, isSynced: this.#options.isSynced(this.document, state) }
  }

  onState(listener: (state: DocumentState) => void): Undo {
    return this.#onState.add(listener)
  }

  onReplaced(listener: () => void): Undo {
    return this.#onReplaced.add(listener)
  }

  whenSaved(options?: WaitOptions): Promise<void> {
    return this.#open.whenSaved(options)
  }

  whenArchived(options?: WaitOptions): Promise<void> {
    return this.#open.whenArchived(options)
  }

  detach(): Promise<void> {
    this.#detaching ??= this.#detach()
    return this.#detaching
  }

  release(): readonly UnsavedOp[] {
    this.#detaching = Promise.resolve()
    this.#options.hide(this)
    const unsaved = this.#options.replica.release(this.#open)
    this.#end()
    const { random, report } = this.#options
    renewClient(this.ydoc, this.#awareness, random.uint32(), report)
    return unsaved
  }

  /** Tells the state where that has changed. */
  tell(): void {
    const { ydoc, state } = this
    if (this.#awareness.clientID !== ydoc.clientID) {
      renewClient(ydoc, this.#awareness, ydoc.clientID, this.#options.report)
    }
    if (state.isDeleted) this.#options.hide(this)
    const told = JSON.stringify(state)
    if (told === this.#told) return
    this.#told = told
    this.#onState.tell(state)
  }

  async #detach(): Promise<void> {
    this.#options.hide(this)
    await this.#open.close()
    this.#end()
  }

  #end(): void {
    for (const undo of this.#undo) undo()
    this.#onState.clear()
    this.#onReplaced.clear()
    this.#options.gone(this)
  }

  #replaced(): void {
    const shown = this.#awareness.getLocalState()
    this.#options.hide(this)
    this.#awareness = new Awareness(this.ydoc, this.#options.clock)
    this.#awareness.setLocalState(shown)
    this.#options.show(this)
    this.#onReplaced.tell()
  }
}

/** Whoever edits and is shown goes by another name from now on: the one before belongs to its ops. */
export function renewClient(
  ydoc: Y.Doc,
  awareness: Awareness,
  client: number,
  report: (error: ClientError) => void,
): void {
  const shown = awareness.getLocalState()
  callingTheApp('an awareness', report, () => awareness.setLocalState(null))
  ydoc.clientID = client
  awareness.clientID = client
  callingTheApp('an awareness', report, () => awareness.setLocalState(shown))
}
