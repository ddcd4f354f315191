/**
 * What an app sees of Holdfast. `createClient` gives a `Client`, that gives collections, these give
 * documents. The same on every platform, and the same in every tab: which of them owns the store
 * makes no difference to what is told here.
 *
 * Throughout: an `onX(listener)` returns its undo, listeners are called in a later turn than what
 * caused them, `close` is idempotent and leaves nothing behind, and what goes wrong is a
 * `ClientError` with a code.
 */
import type { Awareness, LinkKind, Undo } from '@holdfast/peer'
import type { Access } from '@holdfast/peer/protocol'
import type * as Y from 'yjs'
import type { ClientError } from './errors.js'

/** How safe an edit is. Each word is said when it is a fact, never before. */
export type Safety =
  /** In memory of this page only, for milliseconds. */
  | 'local'
  /** In this device's store: it survives the death of the tab, the app and the machine. */
  | 'saved'
  /** On the archive's disk: it survives the loss of the device. */
  | 'archived'

/** Over which way others can be reached just now; `offline` where there is none, and none is being made. */
export type Reach = 'offline' | 'connecting' | 'mesh' | 'archive'

/** A way to the others: directly and through the signaller, or through the archive. */
export type Way = 'mesh' | 'archive'

export interface Client {
  /** The durable identity of this device's store. */
  readonly replica: string
  /** This run of it, as peers know it: the `id` of a link at their end. */
  readonly instance: string
  readonly status: ClientStatus
  /** Opens a collection and begins to sync it. Opening it twice gives the same one, counted. */
  collection(name: string): Promise<Collection>
  onStatus(listener: (status: ClientStatus) => void): Undo
  /** What went wrong and no call was waiting for. Without a listener it goes to the console. */
  onError(listener: (error: ClientError) => void): Undo
  /** Resolves when everything that was edited before the call is saved. */
  flush(): Promise<void>
  /** The page is hidden or the app in the background: others are told that answers will be slow. */
  setAway(away: boolean): void
  /** The network is back, or somebody has signed in: no pause is waited for. */
  retryNow(): void
  /** Leaves one way to the others, or all of them, by intent. What is edited meanwhile is saved. */
  disconnect(way?: Way): void
  /** Takes it again. */
  connect(way?: Way): void
  /** Saves what is not saved yet, says goodbye, lets go of everything. */
  close(): Promise<void>
}

export interface ClientStatus {
  readonly reach: Reach
  /** Of all open collections. */
  readonly pending: Pending
  readonly storage: StorageStatus
  /** Of this tab or process: the one that owns the store, or one that goes through the owner. */
  readonly role: 'owner' | 'follower'
}

export interface StorageStatus {
  /** False: nothing outlives this page (a private window), and nothing is called saved. */
  readonly isDurable: boolean
  readonly kind: string
  /** The last write failed, and since when: the disk is full, the quota is used up. */
  readonly failing: ClientError | undefined
}

/**
 * Edits that are not as safe as they will be, counted in ops: what is edited in a document within about
 * 20 ms leaves as one, so that a count is neither of keystrokes nor of transactions. Carried edits of
 * others are not among them.
 */
export interface Pending {
  /** Not saved yet. */
  readonly local: number
  /**
   * Saved, and not archived yet. Ops keep their count until an archive is met, however many of them one
   * upload then brings. Stays 0 where there is no archive to send them to.
   */
  readonly saved: number
  /** Set aside because the archive will never take them: see `Collection.kept`. */
  readonly refused: number
}

export interface Collection {
  readonly name: string
  readonly status: CollectionStatus
  /** Who is here, and what they show of themselves. */
  readonly awareness: Awareness
  /** Others to whom a link stands, and the archives. */
  readonly links: readonly LinkInfo[]
  /**
   * Opens a document: readable at once, with all that is saved here, with no network too. One that
   * does not exist is made by writing into it. Opening it twice gives the same one, counted.
   */
  open(id: string, options?: OpenOptions): Promise<Document>
  /** Documents with content, by name. None of them is loaded for it. */
  list(): Promise<readonly DocumentInfo[]>
  /** Deletes a document for everybody, for good. Late edits of it are set aside. */
  delete(id: string): Promise<void>
  /** Documents have come, gone or changed: ask `list` again. Told at most every 50 ms. */
  onList(listener: () => void): Undo
  onStatus(listener: (status: CollectionStatus) => void): Undo
  onLinks(listener: (links: readonly LinkInfo[]) => void): Undo
  /** Ops of this collection as they come and go, for whoever draws them. Costs nothing unheard. */
  onTraffic(listener: (traffic: Traffic) => void): Undo
  whenSaved(options?: WaitOptions): Promise<void>
  whenArchived(options?: WaitOptions): Promise<void>
  /** Everything that an archive or the peers linked now hold is here, and the other way round. */
  whenSynced(options?: WaitOptions): Promise<void>
  /** Edits that were refused: kept, exportable, until they are discarded. */
  kept(): Promise<readonly KeptEdit[]>
  discard(kept: readonly KeptEdit[]): Promise<void>
  close(): Promise<void>
}

export interface CollectionStatus {
  readonly reach: Reach
  /** What this side may do, as an archive or the signaller said last; absent until one of them has. */
  readonly access: Access | undefined
  readonly pending: Pending
  /** Work with an end in sight: absent where there is none. */
  readonly progress: Progress | undefined
  /** Those that the app has named, reached or not; and those of the signaller's room, while it has them. */
  readonly archives: readonly ArchiveStatus[]
  readonly peers: number
}

export interface Progress {
  readonly what: 'first-load' | 'catch-up' | 'upload' | 'recovery'
  /** A recovery compares documents; a log is read in entries where its bytes are not known. */
  readonly unit: 'bytes' | 'entries' | 'documents'
  readonly done: number
  readonly total: number
}

export interface ArchiveStatus {
  readonly url: string
  /** Absent until it has first been met. */
  readonly archive: string | undefined
  readonly state: 'offline' | 'connecting' | 'resyncing' | 'catching-up' | 'live' | 'refused'
  /** Everything up to here is in this store. */
  readonly seq: number | undefined
  /** The archive's last one, as far as it has said. */
  readonly head: number | undefined
  /** When it compacted a document last, and what that freed. */
  readonly compacted: { readonly document: string; readonly removed: number } | undefined
}

export interface LinkInfo {
  readonly kind: 'peer' | 'archive' | 'tab'
  /** The instance at the other end, or the archive's id. */
  readonly id: string
  readonly path: LinkKind
  readonly isSynced: boolean
  /**
   * To an archive or a tab and back, by the last ping that was answered. To a peer by the last frame that
   * was acknowledged: acknowledgements are gathered for up to 40 ms, and those are in it.
   */
  readonly roundTripMs: number | undefined
  readonly sentBytes: number
  readonly receivedBytes: number
}

export interface Traffic {
  readonly direction: 'in' | 'out'
  /** The link's id, as in `LinkInfo`; absent where an op came by way of others. */
  readonly link: string | undefined
  readonly document: string
  readonly bytes: number
}

export interface OpenOptions {
  /**
   * A Y.Doc that the app has already: its content is merged with what is stored and taken for an edit
   * where that is new. It is the app's: closing does not destroy it. Throws `bad-option` where the
   * document is open with another one.
   */
  readonly ydoc?: Y.Doc
  /** Of that Y.Doc. */
  readonly awareness?: Awareness
}

export interface DocumentInfo {
  readonly id: string
  /** Bytes that it takes in the store, about. */
  readonly bytes: number
}

export interface Document {
  readonly id: string
  /** The document itself. Every editor binding for Yjs takes it. */
  readonly ydoc: Y.Doc
  /** Who has it open, and what they show: cursors, names. Takes y-protocols' place in bindings. */
  readonly awareness: Awareness
  readonly state: DocumentState
  onState(listener: (state: DocumentState) => void): Undo
  /**
   * `ydoc` and `awareness` are others from now on: bind editors anew. That is rare: after damage, and
   * when two devices turn out to be copies of one. What is still edited in the ones before is kept.
   */
  onReplaced(listener: (document: Document) => void): Undo
  /** What was edited before the call is saved. Rejects where it cannot be: `onError` says the rest. */
  whenSaved(options?: WaitOptions): Promise<void>
  /** What was edited before the call is archived. Rejects with `refused` if the archive refuses it. */
  whenArchived(options?: WaitOptions): Promise<void>
  whenSynced(options?: WaitOptions): Promise<void>
  /** Stops holding it open. The Y.Doc is destroyed when the last one who opened it lets go. */
  close(): Promise<void>
}

export interface DocumentState {
  /** Of the least safe edit that was made on this device. */
  readonly safety: Safety
  readonly pending: Pending
  /** All neighbours and archives that are linked are confirmed to hold the same. */
  readonly isSynced: boolean
  /** Something that it builds upon has not come yet; it is being asked for. */
  readonly isGapped: boolean
  /** An entry could not be applied and was set aside; the rest is here. */
  readonly isDamaged: boolean
  /** Somebody has deleted it. The Y.Doc stays as it was, and nothing is synced any more. */
  readonly isDeleted: boolean
}

export interface KeptEdit {
  /** In this device's store. */
  readonly key: number
  readonly document: string
  readonly code: string
  readonly atMs: number
  /** A Yjs update, V1. */
  readonly bytes: Uint8Array
}

export interface WaitOptions {
  /** Aborted: the promise rejects with its reason. The edit goes on its way all the same. */
  readonly signal?: AbortSignal
}
