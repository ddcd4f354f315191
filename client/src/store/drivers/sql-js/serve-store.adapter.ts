import { systemClock } from '@holdfast/peer/ports'
import type { Driver } from '../../driver.js'
import { EngineDriver } from '../engine-driver.js'
import { SqlJsEngine } from './engine.js'
import { IndexedDbRecords } from './indexed-db.adapter.js'
import { loadSqlJs } from './load.adapter.js'
import { RedoDriver } from './redo-driver.js'
import type { MessageEnd } from './rpc.js'
import { serveDriver } from './serve-driver.js'

/**
 * Makes this worker the one in which the browser's store lives: sql.js in memory, its log in IndexedDB.
 * Bundlers find the WebAssembly by its URL here.
 */
export function serveStore(): void {
  serveDriver(globalThis as unknown as MessageEnd, openHere)
}

async function openHere(name: string): Promise<Driver> {
  const [sqlJs, store] = await Promise.all([
    loadSqlJs(new URL('sql.js/dist/sql-wasm-browser.wasm', import.meta.url).href),
    IndexedDbRecords.connect(name, globalThis.indexedDB, quotaBytes),
  ])
  if (store === undefined) {
    return new EngineDriver({ kind: 'sql.js', isDurable: false, engine: new SqlJsEngine(sqlJs) })
  }
  return RedoDriver.open({ kind: 'sql.js', sqlJs, store, clock: systemClock })
}

async function quotaBytes(): Promise<number | undefined> {
  return (await globalThis.navigator.storage?.estimate())?.quota
}
