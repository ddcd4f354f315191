/** The browser's driver, held to its contract inside a page, and what tests of it in Node ask for. */
import { openBrowserDriver, storeWorker } from '@holdfast/client/browser'
import { ClientError } from '@holdfast/client/browser'
import type { Driver, DriverEvent } from '@holdfast/client/testing'
import { describeDriver } from '../../contract/describeDriver.js'

export { edit, fill } from './saved.js'
export { run, titles } from './vitest.js'

let subjects = 0

describeDriver({
  name: 'sql.js in a worker, on IndexedDB',
  kind: 'sql.js',
  isDurable: true,
  secondOwner: 'takes',
  async create() {
    const name = `contract ${performance.now()} ${subjects++}`
    const workers: Worker[] = []
    const open = async (): Promise<Driver> => {
      const worker = storeWorker()
      workers.push(worker)
      return openBrowserDriver(name, worker)
    }
    return {
      open,
      openElsewhere: open,
      async crash() {
        // In the middle of whatever it does; the page goes on.
        workers.at(-1)?.terminate()
      },
      async close() {
        for (const worker of workers) worker.terminate()
      },
    }
  },
})

/** Of the page, by the name of their database. */
const open = new Map<string, { readonly driver: Driver; readonly told: string[] }>()

/** For Node: opens a store (again), and says whether it is durable. */
export async function openStore(name: string, worker?: 'without IndexedDB'): Promise<boolean> {
  const driver = await openBrowserDriver(name, worker && workerWithoutIndexedDb())
  const told: string[] = []
  driver.onEvent((event) => told.push(nameOf(event)))
  open.set(name, { driver, told })
  await driver.transact([
    {
      sql: 'CREATE TABLE IF NOT EXISTS parts (tx INTEGER, part INTEGER, bytes BLOB, PRIMARY KEY (tx, part))',
    },
  ])
  return driver.isDurable
}

/** The answer's code: `ok`, or the error's. */
export async function write(name: string, tx: number, bytes: number): Promise<string> {
  const parts = [0, 1, 2].map((part) => ({
    sql: 'INSERT INTO parts VALUES (?, ?, ?)',
    parameters: [tx, part, noise(bytes, tx)],
  }))
  return codeOf(storeOf(name).driver.transact(parts))
}

/** Which transactions are there with how many parts. */
export async function stored(name: string): Promise<(readonly [tx: number, parts: number])[]> {
  const sql = 'SELECT tx, count(*) FROM parts GROUP BY tx ORDER BY tx'
  const rows = await storeOf(name).driver.query(sql)
  return rows.map(([tx, parts]) => [Number(tx), Number(parts)])
}

export async function readCode(name: string): Promise<string> {
  return codeOf(storeOf(name).driver.query('SELECT 1'))
}

export function events(name: string): readonly string[] {
  return storeOf(name).told
}

export async function closeStore(name: string): Promise<void> {
  await storeOf(name).driver.close()
  open.delete(name)
}

/**
 * Writes until something is refused, and tells Node each answer when it comes. Sizes from 30 bytes to
 * 300 KB, so that images are made in between.
 */
export async function writeOn(name: string, from: number): Promise<string> {
  const socket = new WebSocket(`ws://${location.host}/${name}`)
  await new Promise((resolve) => (socket.onopen = resolve))
  for (let tx = from; ; tx++) {
    const code = await write(name, tx, 10 ** (1 + (tx % 5)))
    if (code !== 'ok') return code
    socket.send(String(tx))
  }
}

/** What the page does to a database that no driver has open: one letter of what is stored flips. */
export async function damage(name: string, what: 'image' | 'log'): Promise<void> {
  const database = await databaseOf(name)
  const store = database.transaction(what, 'readwrite').objectStore(what)
  await new Promise<void>((resolve, reject) => {
    const cursor = store.openCursor()
    cursor.onerror = () => reject(failureOf(cursor))
    cursor.onsuccess = () => {
      const at = cursor.result
      if (at === null) {
        reject(new Error(`there is no ${what}`))
        return
      }
      const value: unknown = at.value
      const bytes = value instanceof Uint8Array ? value : (value as { bytes: Uint8Array }).bytes
      const middle = bytes.length >> 1
      bytes[middle] = (bytes[middle] ?? 0) ^ 1
      at.update(value).onsuccess = () => resolve()
    }
  })
  database.close()
}

/** As the browser or its user does it: the store is open. */
export async function clearStorage(name: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const deleting = indexedDB.deleteDatabase(`holdfast ${name}`)
    deleting.onsuccess = () => resolve()
    deleting.onerror = () => reject(failureOf(deleting))
  })
}

/** The names under which something was set aside. */
export async function setAside(name: string): Promise<string[]> {
  const database = await databaseOf(name)
  return new Promise((resolve) => {
    const keys = database.transaction('aside').objectStore('aside').getAllKeys()
    keys.onsuccess = () => {
      database.close()
      resolve(keys.result.map(String))
    }
  })
}

function databaseOf(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(`holdfast ${name}`)
    opening.onsuccess = () => resolve(opening.result)
    opening.onerror = () => reject(failureOf(opening))
  })
}

function failureOf(request: IDBRequest): Error {
  return new Error('IndexedDB failed', { cause: request.error })
}

/** Bytes that cannot be compressed: browsers count what they keep. */
function noise(bytes: number, seed: number): Uint8Array {
  let state = seed + 1
  return Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
}

function storeOf(name: string): { readonly driver: Driver; readonly told: string[] } {
  const store = open.get(name)
  if (store === undefined) throw new Error(`no store '${name}' is open here`)
  return store
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    return error instanceof ClientError ? error.code : String(error)
  }
}

function nameOf(event: DriverEvent): string {
  return event.kind === 'trouble' && event.cause instanceof ClientError
    ? `trouble: ${event.cause.code}`
    : event.kind
}

function workerWithoutIndexedDb(): Worker {
  return new Worker(new URL('./without-indexed-db.ts', import.meta.url), { type: 'module' })
}
