import type { Driver } from '../../driver.js'
import { EngineDriver } from '../engine-driver.js'
import { SqlJsEngine } from '../sql-js/engine.js'
import { loadSqlJs } from '../sql-js/load.adapter.js'
import { wasmUrl } from './wasm-url.adapter.js'

/** A database that nothing outlives: for tests, and for an app that wants no store. */
export async function openMemoryDriver(): Promise<Driver> {
  const engine = new SqlJsEngine(await loadSqlJs(wasmUrl()))
  return new EngineDriver({ kind: 'memory', isDurable: false, engine })
}
