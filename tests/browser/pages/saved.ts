/** For a benchmark: what it takes until an edit is saved in the browser's store. */
import { openBrowserDriver } from '@holdfast/client/browser'
import type { Driver } from '@holdfast/client/testing'

const open = new Map<string, Driver>()

/** Makes a store that holds so many bytes, in rows of 10 KB. */
export async function fill(name: string, bytes: number): Promise<number> {
  const driver = await openBrowserDriver(name)
  open.set(name, driver)
  await driver.transact([
    { sql: 'CREATE TABLE updates (key INTEGER PRIMARY KEY, document INTEGER, bytes BLOB)' },
    { sql: 'CREATE INDEX updates_document ON updates (document, key)' },
    { sql: 'CREATE TABLE outbox (key INTEGER PRIMARY KEY, n INTEGER UNIQUE, bytes BLOB)' },
  ])
  for (let at = 0; at < bytes; at += rowBytes * rowsAtOnce) {
    const rows = Math.ceil(Math.min(bytes - at, rowBytes * rowsAtOnce) / rowBytes)
    await driver.transact(
      Array.from({ length: rows }, (_, row) => ({
        sql: 'INSERT INTO updates (document, bytes) VALUES (?, ?)',
        parameters: [row % 50, noise(rowBytes)],
      })),
    )
  }
  return (await driver.size()).bytes
}

/** Milliseconds until saved, for each of so many edits, one after the other: two rows of 100 bytes. */
export async function edit(name: string, from: number, count: number): Promise<number[]> {
  const driver = open.get(name)
  if (driver === undefined) throw new Error(`no store '${name}'`)
  const took: number[] = []
  for (let n = from; n < from + count; n++) {
    const bytes = noise(100)
    const startMs = performance.now()
    await driver.transact([
      { sql: 'INSERT INTO updates (document, bytes) VALUES (?, ?)', parameters: [7, bytes] },
      { sql: 'INSERT INTO outbox (n, bytes) VALUES (?, ?)', parameters: [n, bytes] },
    ])
    took.push(performance.now() - startMs)
  }
  return took
}

/** The floor: a record of 300 bytes in IndexedDB, strict, from the page itself. */
export async function record(from: number, count: number): Promise<number[]> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open('floor', 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore('log')
    opening.onsuccess = () => resolve(opening.result)
    opening.onerror = () => reject(new Error('IndexedDB does not open', { cause: opening.error }))
  })
  const took: number[] = []
  for (let n = from; n < from + count; n++) {
    const startMs = performance.now()
    await new Promise<void>((resolve, reject) => {
      const transaction = database.transaction('log', 'readwrite', { durability: 'strict' })
      transaction.objectStore('log').add(noise(300), n)
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(new Error('not stored', { cause: transaction.error }))
    })
    took.push(performance.now() - startMs)
  }
  database.close()
  return took
}

const rowBytes = 10_000
const rowsAtOnce = 50

/** Bytes that cannot be compressed. */
function noise(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes))
}
