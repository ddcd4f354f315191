import type { DocumentId, DocumentRef, ErrorCode, OpId } from '@holdfast/peer/protocol'
import { Listeners } from '@holdfast/peer'
import type { Undo } from '@holdfast/peer/ports'
import type * as Y from 'yjs'
import type { Pending, Safety, WaitOptions } from '../api.js'
import type { LoadedDocument } from './loaded-document.js'

/** What is known of a document that is open. */
export interface OpenDocumentState {
  /** Of the least safe edit that was made in this store. */
  readonly safety: Safety
  readonly pending: Pending
  readonly isGapped: boolean
  readonly isDamaged: boolean
  readonly isDeleted: boolean
}

/** What an open document asks its replica. */
export interface DocumentHost {
  stateOf(open: OpenDocument): OpenDocumentState
  whenSaved(open: OpenDocument, options: WaitOptions): Promise<void>
  whenArchived(open: OpenDocument, options: WaitOptions): Promise<void>
  letGo(open: OpenDocument): Promise<void>
}

/** A document as an application holds it; one for all who have it open. */
export class OpenDocument {
  readonly id: DocumentId
  /** @internal */
  loaded: LoadedDocument
  /** @internal */
  isDeleted = false
  /** The Y.Doc belongs to somebody who goes on with it: it is not destroyed at the end. */
  keepsDoc = false
  readonly #host: DocumentHost
  readonly #onState = new Listeners<[OpenDocumentState]>()
  readonly #onReplaced = new Listeners<[Y.Doc]>()

  constructor(loaded: LoadedDocument, host: DocumentHost) {
    this.id = loaded.document.id
    this.loaded = loaded
    this.#host = host
  }

  get document(): DocumentRef {
    return this.loaded.document
  }

  /** Another one from `onReplaced` on, after damage: the one before it hears nothing of others. */
  get ydoc(): Y.Doc {
    return this.loaded.held.doc
  }

  get state(): OpenDocumentState {
    return this.#host.stateOf(this)
  }

  onState(listener: (state: OpenDocumentState) => void): Undo {
    return this.#onState.add(listener)
  }

  onReplaced(listener: (ydoc: Y.Doc) => void): Undo {
    return this.#onReplaced.add(listener)
  }

  /** Resolves when what was edited before is durable. */
  whenSaved(options: WaitOptions = {}): Promise<void> {
    return this.#host.whenSaved(this, options)
  }

  /** Resolves when what was edited before is on an archive's disk; rejects if one refuses it. */
  whenArchived(options: WaitOptions = {}): Promise<void> {
    return this.#host.whenArchived(this, options)
  }

  /** One who had it open lets go. What was edited is stored; the last one ends the Y.Doc. */
  close(): Promise<void> {
    return this.#host.letGo(this)
  }

  /** @internal */
  tellState(): void {
    this.#onState.tell(this.state)
  }

  /** @internal */
  tellReplaced(): void {
    this.#onReplaced.tell(this.ydoc)
  }
}

/** What a replica says that nobody was waiting for. */
export type ReplicaEvent =
  | {
      readonly kind: 'refused'
      readonly document: DocumentRef
      readonly op: OpId
      readonly code: ErrorCode
    }
  | { readonly kind: 'damaged'; readonly document: DocumentRef; readonly reason: string }
  | { readonly kind: 'ended'; readonly document: DocumentRef }
  | { readonly kind: 'failing'; readonly cause: unknown }
  | { readonly kind: 'recovered' }
