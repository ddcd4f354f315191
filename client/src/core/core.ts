/**
 * What stands behind a client. The objects that an app holds (`Client`, `Collection`, `Document`)
 * last as long as the app; the core behind them may be exchanged while it runs: the owner of the
 * store, or, in a further tab, one that goes through the owner.
 *
 *   store ──begin──► core ──exchange──► core ──exchange──► …      one at a time
 *
 * An exchange moves the Y.Docs and awarenesses from one core to the next: `release` on the one gives
 * what it has not saved, `attach` on the other takes that over.
 */
import type { Awareness } from '@holdfast/peer'
import type { Clock, Logger, Random, Rtc, Undo, WebSocketConstructor } from '@holdfast/peer/ports'
import type {
  CollectionName,
  DocumentId,
  DocumentRef,
  InstanceId,
  OpId,
  ReplicaId,
} from '@holdfast/peer/protocol'
import type * as Y from 'yjs'
import type {
  CollectionStatus,
  DocumentInfo,
  DocumentState,
  KeptEdit,
  LinkInfo,
  StorageStatus,
  Traffic,
  WaitOptions,
  Way,
} from '../api.js'
import type { ClientError } from '../errors.js'
import type { Driver } from '../store/driver.js'

/**
 * Guarantees over all members:
 * - Listeners are told in a later turn than what caused it, and not after `close`.
 * - What a status says is a fact here and now: a follower says of `saved` and `archived` what the owner
 *   has told it, never more.
 * - After `close` calls reject with `closed`; waits that were begun reject with `closed`.
 */
export interface Core {
  readonly role: 'owner' | 'follower'
  readonly replica: ReplicaId
  /** New with each core: op ids and presence go by it. */
  readonly instance: InstanceId
  readonly storage: StorageStatus
  /** Opens a collection, counted. `awareness` is one of a core before; without it one is made. */
  collection(name: CollectionName, awareness?: Awareness): Promise<CoreCollection>
  onStorage(listener: (storage: StorageStatus) => void): Undo
  /** What no call was waiting for. */
  onError(listener: (error: ClientError) => void): Undo
  setAway(away: boolean): void
  retryNow(): void
  /** Applies to collections that are opened later, too. */
  disconnect(way?: Way): void
  connect(way?: Way): void
  /** Stores what is not stored yet, says goodbye, lets go of everything. Idempotent. */
  close(): Promise<void>
}

/** One collection of a core. */
export interface CoreCollection {
  readonly name: CollectionName
  readonly awareness: Awareness
  readonly status: CollectionStatus
  readonly links: readonly LinkInfo[]
  /**
   * Takes part in a document, and keeps it in memory. Once a document at a time: the caller counts,
   * and waits for `detach` before it attaches the same one again.
   */
  attach(id: DocumentId, held?: HeldByApp): Promise<CoreDocument>
  list(): Promise<readonly DocumentInfo[]>
  /** Resolves when that is durable. */
  delete(id: DocumentId): Promise<void>
  kept(): Promise<readonly KeptEdit[]>
  discard(kept: readonly KeptEdit[]): Promise<void>
  onStatus(listener: (status: CollectionStatus) => void): Undo
  onLinks(listener: (links: readonly LinkInfo[]) => void): Undo
  /** At most every 50 ms. */
  onList(listener: () => void): Undo
  onTraffic(listener: (traffic: Traffic) => void): Undo
  whenSaved(options?: WaitOptions): Promise<void>
  whenArchived(options?: WaitOptions): Promise<void>
  /** Nothing is missing here or there, of any document: see `Collection.whenSynced`. */
  readonly isSynced: boolean
  /** Documents must have been detached or released before the last one lets go. */
  close(): Promise<void>
}

/** What an app holds already when a core takes it over. */
export interface HeldByApp {
  /**
   * What it has and the store lacks is an edit. It keeps its clientID: whoever released it has given
   * it a new one.
   */
  readonly ydoc: Y.Doc
  readonly awareness?: Awareness
  /** What the core before had not saved. It goes on under the ids that it has. */
  readonly unsaved?: readonly UnsavedOp[]
}

/** An op that is in memory alone. Bytes belong to the receiver. */
export interface UnsavedOp {
  readonly op: OpId
  readonly document: DocumentRef
  readonly bytes: Uint8Array
}

/** A document of a core. */
export interface CoreDocument {
  readonly id: DocumentId
  /** The one that was given to `attach`, else one that was made. */
  readonly ydoc: Y.Doc
  readonly awareness: Awareness
  readonly state: DocumentState
  onState(listener: (state: DocumentState) => void): Undo
  /** `ydoc` and `awareness` are others from now on: see `Document.onReplaced`. */
  onReplaced(listener: () => void): Undo
  whenSaved(options?: WaitOptions): Promise<void>
  whenArchived(options?: WaitOptions): Promise<void>
  /**
   * Lets go of it when all that was edited is saved. The Y.Doc is not destroyed. Rejects where it
   * cannot be saved, and then it is not let go of. Idempotent.
   */
  detach(): Promise<void>
  /**
   * Lets go of it at once, for another core to take over: within the call the Y.Doc gets a new
   * clientID, and what is not saved is handed out.
   */
  release(): readonly UnsavedOp[]
}

/** Where a client keeps things: what `nodeStore`, `browserStore` and their like give. */
export interface ClientStore {
  /**
   * Opens it, and gives the first core. Rejects with a `ClientError` where that is impossible. Once
   * a client: what `begin` made belongs to that client, and goes with `end`.
   */
  begin(host: CoreHost): Promise<CoreSeat>
  /** What the platform has for links, where the store comes from one that does not say so itself. */
  readonly platform?: () => Promise<Platform>
}

/** What a store does for one client. */
export interface CoreSeat {
  /** The first one. */
  readonly core: Core
  /** The client is closed, and so is the core: no other one follows. Idempotent. */
  end(): Promise<void>
}

/** What a client gives its store. */
export interface CoreHost {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Makes the core that owns what this driver holds. Closing that closes the driver. */
  createOwner(driver: Driver): Promise<Core>
  /**
   * Another core stands behind the client from now on. Resolves when all that is open has moved to
   * it; the one before is closed then. One exchange at a time: later ones wait.
   */
  exchange(core: Core): Promise<void>
  /** Tells the app what went wrong. */
  report(error: ClientError): void
  /** As the app's own `setAway` and `retryNow`: the store's platform knows when to say so. */
  setAway(away: boolean): void
  retryNow(): void
}

/** What links are made of. */
export interface Platform {
  readonly WebSocket?: WebSocketConstructor
  readonly rtc?: Rtc
}
