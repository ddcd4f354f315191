import initSqlJs from 'sql.js'
import type { SqlJs } from './engine.js'

/**
 * sql.js, compiled once a process or worker.
 *
 * @param wasmUrl where its WebAssembly is; absent: beside it, which Node finds
 */
export async function loadSqlJs(wasmUrl?: string): Promise<SqlJs> {
  return initSqlJs(wasmUrl === undefined ? {} : { locateFile: () => wasmUrl })
}
