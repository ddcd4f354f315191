/** For tests, ours and others': stores that need no platform, and what they are made of. */
export { openMemoryDriver } from './store/drivers/memory/memory-driver.js'
export { crc32 } from './store/drivers/sql-js/crc32.js'
export { Checkpoints } from './store/drivers/sql-js/checkpoints.js'
export { IndexedDbRecords } from './store/drivers/sql-js/indexed-db.adapter.js'
export { RemoteDriver } from './store/drivers/sql-js/remote-driver.js'
export { serveDriver } from './store/drivers/sql-js/serve-driver.js'
export { decodeRecord, encodeRecord } from './store/drivers/sql-js/record.js'
export type { SqlJs } from './store/drivers/sql-js/engine.js'
export { loadSqlJs } from './store/drivers/sql-js/load.adapter.js'
export type {
  RecordStore,
  Stored,
  StoredImage,
  StoredRecord,
} from './store/drivers/sql-js/record-store.js'
export {
  defaultCheckpointPolicy,
  type CheckpointPolicy,
} from './store/drivers/sql-js/checkpoints.js'
export { RedoDriver, type RedoDriverOptions } from './store/drivers/sql-js/redo-driver.js'
export { ClientError, type ClientErrorCode } from './errors.js'
export type {
  Driver,
  DriverEvent,
  Durability,
  SqlRow,
  SqlValue,
  Statement,
} from './store/driver.js'
/** The connection to an archive, and the border to the replica: to be run against an archive. */
export * from './archive/index.js'
export { openStore, Store } from './store/store.js'
export { CollectionStore } from './store/collection-store.js'
export type { StoreChange } from './store/changes.js'
export { CollectionReplica, type CollectionReplicaOptions } from './replica/collection-replica.js'
export { OpenDocument, type ReplicaEvent } from './replica/open-document.js'
/** Tabs that share a store, over any port. */
export { tabsStore, type TabsStoreOptions } from './tabs/tab-seat.js'
export type { HeldLock, LockRequest, TabChannel, TabLife, TabsPort } from './tabs/port.js'
export { tabsBounds } from './tabs/limits.js'
export { FollowerCore } from './tabs/follower-core.js'
export { followAppState, type AppStateLike } from './native/app-state.js'
