import type { ErrorCode } from '@holdfast/peer/protocol'

/** Why a call of this package failed, or what it reports through `onError`. */
export type ClientErrorCode =
  /** The caller's mistake: something is used after it was closed. */
  | 'closed'
  /** The caller's mistake: the name of a collection or a document is empty, too long or not text. */
  | 'bad-name'
  /** The caller's mistake: an option is missing or contradicts another one. */
  | 'bad-option'
  /** This platform lacks something that the option needs: the message says what. */
  | 'unsupported'
  /** Another process has the store's file open: the message says which, where it is known. */
  | 'store-in-use'
  /** Another tab or process took the store over while this one slept. Nothing was written over it. */
  | 'store-taken'
  /** The store was written by a newer version of this package. Nothing was changed: update the app. */
  | 'store-too-new'
  /** What was stored is damaged. It was set aside, and is filled again from peers and archive. */
  | 'store-damaged'
  /** The disk is full or the quota used up. Edits stay in memory, and are saved when there is room. */
  | 'storage-full'
  /** The store cannot be read or written: `cause` says why. Edits stay in memory and are tried again. */
  | 'storage-failed'
  /** Nothing outlives this page: private browsing, or no storage at all. Nothing is called saved. */
  | 'not-durable'
  /** An entry could not be applied, and was set aside; everything else of the document is here. */
  | 'document-damaged'
  /** Somebody deleted a document that is open here. Its Y.Doc is left as it is. */
  | 'document-deleted'
  /** The archive will never take an edit: `wireCode` says why. It is kept: see `Collection.kept`. */
  | 'refused'
  /** Signaller or archive will not let this client in: `wireCode` says why. `retryNow` asks again. */
  | 'access-refused'
  /** The archive and this client could not agree after several tries; the next one is later. */
  | 'resync-failed'
  /** An archive says what the protocol has no room for. The connection comes back after a pause. */
  | 'archive-misbehaved'
  /** Another tab runs a version of the app that does not go with this one: reload the older one. */
  | 'other-version'
  /**
   * A listener that the app has given threw: `cause` is what. Told once for each; the client and the
   * other listeners go on.
   */
  | 'listener-threw'
  /** A fault of this package. `cause` says where. */
  | 'internal'

/** What `@holdfast/client` throws, and what its `onError` tells. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  /** The code that signaller, archive or peer gave, where one did. */
  readonly wireCode: ErrorCode | undefined

  constructor(
    code: ClientErrorCode,
    message: string,
    options: ErrorOptions & { readonly wireCode?: ErrorCode } = {},
  ) {
    super(message, options)
    this.code = code
    this.wireCode = options.wireCode
  }
}
