export { LogError, type LogErrorCode } from './log/errors.js'
export { defaultLogPolicy, type LogPolicy, type LogWorld } from './log/options.js'
export type * from './log/port.js'
export type { BuildStopped, SnapshotBuilder } from './compaction/builder-port.js'
export {
  buildSnapshot,
  type BuildResult,
  type BuildSource,
  type BuiltSnapshot,
} from './compaction/builder.js'
export {
  defaultCompactorPolicy,
  type CompactionReport,
  type CompactorPolicy,
} from './compaction/compact-document.js'
export {
  createCompactor,
  type Compactor,
  type CompactorOptions,
  type CompactorState,
} from './compaction/compactor.js'
export {
  createWorkerBuilder,
  type WorkerBuilderOptions,
} from './compaction/worker-builder.adapter.js'
export { packRows, unpackRows, type PackedRow, type PackedRows } from './log/packed-rows.js'
export { openSqliteLog, type SqliteLogOptions } from './log/sqlite/sqlite-log.js'
export { backupLog, type BackupOptions, type BackupReport } from './tools/backup-log.js'
export {
  compactLog,
  type CompactedDocument,
  type CompactOptions,
  type CompactReport,
} from './tools/compact-log.js'
export {
  exportLog,
  type DamagedDocument,
  type ExportOptions,
  type ExportReport,
} from './tools/export-log.js'
export {
  importFolder,
  type ImportOptions,
  type ImportReport,
  type RefusedImport,
} from './tools/import-log.js'
export {
  inspectLog,
  type InspectedCollection,
  type InspectedDocument,
  type InspectedLease,
  type InspectedQuarantine,
  type InspectOptions,
  type LogInspection,
} from './tools/inspect-log.js'
export { restoreLog, type RestoreOptions, type RestoreReport } from './tools/restore-log.js'
export { holderOfLog } from './tools/holder.js'
export { sqliteVersion } from './tools/sqlite-version.adapter.js'
export type { Progress, ToolRun } from './tools/run.js'
export type { Fault, FaultKind, VerifyReport } from './tools/verify/report.js'
export { verifyLog } from './tools/verify/verify-log.js'
export { runArchiveCommand } from './command/cli.js'
export { readAddress, type YWebsocketAddress } from './y-websocket/address.js'
export {
  createYWebsocketBridge,
  type YWebsocketAdmission,
  type YWebsocketBridge,
  type YWebsocketBridgeOptions,
} from './y-websocket/bridge.js'
export { YWebsocketCounters } from './y-websocket/counters.js'
export { defaultYWebsocketLimits, type YWebsocketLimits } from './y-websocket/limits.js'
export type { YWebsocketListener, YWebsocketSocket } from './y-websocket/socket.js'
export { ArchiveNode, type ArchiveNodeOptions } from './node/archive-node.js'
export type { Announced, Caller } from './node/access/caller.js'
export type { AccessGrant, AccessVerifier } from './node/access/verifier.js'
export { defaultNodeLimits, type NodeLimits } from './node/limits.js'
export type { NodeStatistics } from './node/statistics.js'
export { ServerCounters } from './server/counters.js'
export { ArchiveError, type ArchiveErrorCode } from './server/errors.js'
export { defaultServerLimits, type ServerLimits } from './server/limits.js'
export type { FollowedCollection } from './follow/follower.js'
export type { RoomsStatistics } from './rooms/rooms.js'
export type { Archive, ArchiveOptions, FollowOptions, SignalOptions } from './server/options.js'
export type { Readiness } from './server/readiness.js'
export { pinoLogger } from './server/pino-logger.adapter.js'
export { createArchive } from './server/server.adapter.js'
