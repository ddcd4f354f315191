/** For tests, ours and others': stores that need no platform, and what they are made of. */
export { openMemoryDriver } from './store/drivers/memory/memory-driver.js'
export { crc32 } from './store/drivers/sql-js/crc32.js'
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
