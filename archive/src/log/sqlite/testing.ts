/*
 * For tests: the SQLite log in the caller's thread, where every statement can be counted and made to
 * fail, and its two halves by themselves.
 */
export { Engine, type EngineOptions } from './engine.js'
export { inlineHosts, type InlineHostsOptions } from './inline-hosts.js'
export { Reader as LogReader } from './reader.js'
export type { SqlHooks, StatementHook } from './sql.adapter.js'
export { checksumOf } from './checksum.adapter.js'
