/** For tests and simulations: a log without a disk, and the parts that decide what becomes of an op. */
export * from './log/append/index.js'
export * from './log/memory/index.js'
export * from './log/sqlite/testing.js'
/** Following another archive, to be run on a log and links of a test's own. */
export { Follower, type FollowedCollection } from './follow/follower.js'
export { keyOfRecord, type FollowRecord, type FollowRecords } from './follow/records.js'
/** Joining rooms, over signallers and links of a test's own. */
export { Rooms, type RoomsOptions } from './rooms/rooms.js'
export { FollowLedger } from './follow/follow-ledger.js'
export { listCollections } from './follow/list-collections.adapter.js'
export { OwedRows } from './follow/owed-rows.js'
export { openRecordsFile } from './follow/records-file.adapter.js'
