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
