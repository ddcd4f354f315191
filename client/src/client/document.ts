import type { Awareness } from '@holdfast/peer'
import type { Undo } from '@holdfast/peer/ports'
import type { DocumentId } from '@holdfast/peer/protocol'
import type * as Y from 'yjs'
import type { Document, DocumentState, WaitOptions } from '../api.js'
import type { CoreCollection, CoreDocument, UnsavedOp } from '../core/core.js'
import { ClientError } from '../errors.js'
import { AppListeners, callingTheApp } from './app-listeners.js'
import { Waits } from './waiting.js'

export interface AppDocumentOptions {
  readonly core: CoreDocument
  /** The app's own is not destroyed. */
  readonly isGiven: boolean
  /** One who has opened it lets go. */
  readonly letGo: (document: AppDocument) => Promise<void>
  /** What a listener of the app has thrown. */
  readonly report: (error: ClientError) => void
}

/**
 * A document as an app holds it, whichever core stands behind it.
 *
 *   attached ──release──► moving ──attach──► attached        the Y.Doc and its awareness stay
 *       └──────detach──────► closed
 */
export class AppDocument implements Document {
  readonly id: DocumentId
  readonly #options: AppDocumentOptions
  readonly #onState: AppListeners<[DocumentState]>
  readonly #onReplaced: AppListeners<[Document]>
  readonly #waits = new Waits()
  /** Y.Docs that were made here: the last one, and those that it replaced. */
  readonly #made = new Set<Y.Doc>()
  #core: CoreDocument
  #undo: readonly Undo[] = []
  #ydoc: Y.Doc
  #awareness: Awareness
  #moving: Promise<void> | undefined
  #moved = (): void => {}
  #lastState: DocumentState
  #isClosed = false

  constructor(options: AppDocumentOptions) {
    const { core, isGiven, report } = options
    this.#options = options
    this.#onState = new AppListeners('onState', report)
    this.#onReplaced = new AppListeners('onReplaced', report)
    this.#core = core
    this.id = core.id
    this.#ydoc = core.ydoc
    this.#awareness = core.awareness
    this.#lastState = core.state
    if (!isGiven) this.#made.add(core.ydoc)
    this.#listen()
  }

  get ydoc(): Y.Doc {
    return this.#ydoc
  }

  get awareness(): Awareness {
    return this.#awareness
  }

  get state(): DocumentState {
    if (!this.#isClosed && this.#moving === undefined) this.#lastState = this.#core.state
    return this.#lastState
  }

  onState(listener: (state: DocumentState) => void): Undo {
    return this.#onState.add(listener)
  }

  onReplaced(listener: (document: Document) => void): Undo {
    return this.#onReplaced.add(listener)
  }

  whenSaved(options?: WaitOptions): Promise<void> {
    return this.#ask((core) => core.whenSaved(options))
  }

  whenArchived(options?: WaitOptions): Promise<void> {
    return this.#ask((core) => core.whenArchived(options))
  }

  async whenSynced(options?: WaitOptions): Promise<void> {
    if (this.#isClosed) throw closed(this.id)
    await this.#waits.until(() => this.#moving === undefined && this.state.isSynced, options)
  }

  close(): Promise<void> {
    return this.#options.letGo(this)
  }

  // From the collection ----------------------------------------------------------------------------

  /** Lets go of what the core has of it, when all is saved. The Y.Doc that was made for it ends. */
  async end(): Promise<void> {
    await this.#ask((core) => core.detach())
    this.destroy()
  }

  /**
   * The core before is about to end: what it had not saved goes to the next one. What the app asks
   * meanwhile waits for that.
   */
  leave(): readonly UnsavedOp[] {
    for (const undo of this.#undo) undo()
    const { state } = this
    this.#moving = new Promise((resolve) => (this.#moved = resolve))
    const unsaved = this.#core.release()
    const local = Math.max(state.pending.local, unsaved.length)
    this.#lastState = {
      ...state,
      safety: local > 0 ? 'local' : state.safety,
      pending: { ...state.pending, local },
      isSynced: false,
    }
    return unsaved
  }

  /** Another core goes on with it. Where that cannot be, what the app asks is rejected as `closed`. */
  async enter(core: CoreCollection, unsaved: readonly UnsavedOp[]): Promise<void> {
    try {
      const { ydoc, awareness } = this
      this.#core = await core.attach(this.id, { ydoc, awareness, unsaved })
      this.#listen()
    } finally {
      this.#moving = undefined
      this.#moved()
    }
    this.#tell()
  }

  /** Nothing is heard of it any more. Idempotent. */
  destroy(): void {
    if (this.#isClosed) return
    this.#lastState = this.state
    this.#isClosed = true
    for (const undo of this.#undo) undo()
    this.#onState.clear()
    this.#onReplaced.clear()
    this.#waits.stop(closed(this.id))
    const { report } = this.#options
    if (this.#made.size > 0) {
      callingTheApp('an awareness', report, () => this.#awareness.destroy())
    }
    for (const ydoc of this.#made) callingTheApp('a Y.Doc', report, () => ydoc.destroy())
  }

  #listen(): void {
    const core = this.#core
    this.#undo = [core.onState(() => this.#tell()), core.onReplaced(() => this.#replaced(core))]
  }

  #tell(): void {
    this.#waits.news()
    this.#onState.tell(this.state)
  }

  #replaced({ ydoc, awareness }: CoreDocument): void {
    this.#ydoc = ydoc
    this.#awareness = awareness
    this.#made.add(ydoc)
    this.#onReplaced.tell(this)
    this.#tell()
  }

  /** Asks the core of the moment; another one, if that is exchanged before it has answered. */
  async #ask(question: (core: CoreDocument) => Promise<void>): Promise<void> {
    for (;;) {
      await this.#moving
      if (this.#isClosed) throw closed(this.id)
      const core = this.#core
      try {
        await question(core)
        return
      } catch (error) {
        const isExchanged = this.#moving !== undefined || this.#core !== core
        if (!isExchanged || this.#isClosed) throw error
      }
    }
  }
}

function closed(id: string): ClientError {
  return new ClientError('closed', `the document ${id} is closed`)
}
