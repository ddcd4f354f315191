import type { ErrorCode } from './protocol/index.js'

/** Why a call of this package failed, or what it reports through `onError`. */
export type PeerErrorCode =
  /** The caller's mistake: something is used after it was closed. */
  | 'closed'
  /** The caller's mistake: this collection is joined, or this document open, already. */
  | 'already-open'
  /** The caller's mistake: the name of a collection or a document is empty, too long or not text. */
  | 'bad-name'
  /** The caller's mistake: an option is missing or contradicts another one. */
  | 'bad-option'
  /** A presence state does not fit a message. It is not shown. */
  | 'presence-too-large'
  /** The signaller refused this collection, for good: `wireCode` says why. `retryNow` asks again. */
  | 'refused'
  /** A document threw while it took something in. Load it anew and open it again. */
  | 'document-damaged'
  /** Somebody deleted a document that is open here. Its Y.Doc is left as it is. */
  | 'document-deleted'
  /** A neighbour refused an edit, or had one refused: `wireCode` says why. */
  | 'edit-refused'

/** What `@holdfast/peer` throws, and what its `onError` tells. */
export class PeerError extends Error {
  override readonly name = 'PeerError'
  readonly code: PeerErrorCode
  /** The code that the other side gave, where one did. */
  readonly wireCode: ErrorCode | undefined

  constructor(
    code: PeerErrorCode,
    message: string,
    options: ErrorOptions & { readonly wireCode?: ErrorCode } = {},
  ) {
    super(message, options)
    this.code = code
    this.wireCode = options.wireCode
  }
}
