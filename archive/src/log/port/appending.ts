/** What goes into a log, and what is answered: see `Log.append` and `Log.delete`. */
import type { CollectionName, DocumentRef, OpId, Refusal } from '@holdfast/peer/protocol'

export interface AppendOp {
  readonly collection: CollectionName
  readonly document: DocumentRef
  /**
   * `live`: exactly the bytes that `id` was given to, from the author or from anybody who carries
   * them; judged by clientID and by id. `upload`: state bytes of whatever origin; never judged.
   */
  readonly kind: 'live' | 'upload'
  /** Required for `live`; ignored for `upload`. */
  readonly id?: OpId
  /** A Yjs update, V1. */
  readonly bytes: Uint8Array
}

export type AppendOutcome = Committed | AppendRefused

/** Durable. */
export interface Committed {
  readonly status: 'committed'
  /**
   * Everything in the op is in the log at or below this seq: its own row's, the one that an
   * earlier sending of the same op id got, or, for contained bytes, the document's last.
   */
  readonly seq: number
  /** Whether this op made a new row. Empty and contained bytes make none. */
  readonly added: boolean
  /**
   * Whether something that the op refers to is missing. It is stored, but must not be called
   * archived; once the gap has closed, sending it again answers `gapped: false`.
   */
  readonly gapped: boolean
}

/** Not stored as an entry. The code says whether the same op may succeed later. */
export interface AppendRefused {
  readonly status: 'refused'
  readonly refusal: Refusal
}

export type DeleteOutcome =
  | { readonly status: 'committed'; readonly seq: number; readonly added: boolean }
  | AppendRefused
