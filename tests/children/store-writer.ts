/*
 * Writes to a client's store until it is killed: node store-writer.js FILE. Each transaction leaves three
 * rows; its number goes to standard output once it is answered.
 */
import { writeSync } from 'node:fs'
import { openNodeDriver } from '@holdfast/client/node'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('store-writer takes a file')
const driver = await openNodeDriver({ file })
await driver.transact([
  { sql: 'CREATE TABLE IF NOT EXISTS parts (tx INTEGER, part INTEGER, bytes BLOB)' },
])
const [last] = await driver.query('SELECT coalesce(max(tx), 0) FROM parts')
for (let tx = Number(last?.[0]) + 1; ; tx++) {
  const parts = [0, 1, 2].map((part) => ({
    sql: 'INSERT INTO parts VALUES (?, ?, ?)',
    parameters: [tx, part, new Uint8Array(10 ** (1 + (tx % 5))).fill(tx)],
  }))
  await driver.transact(parts)
  // At once, and not into a buffer of this process, which will be gone.
  writeSync(1, `${tx}\n`)
}
