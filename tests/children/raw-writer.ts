/*
 * Inserts numbers into a database, each in a transaction of its own, and tells each by descriptor 3
 * once its commit has returned. What a table of one column promises under each `synchronous` is
 * known: with it the disk that forgets is tested itself.
 *
 *     node raw-writer.js FILE OFF|NORMAL|FULL PAGES
 *
 * At so many PAGES in the write-ahead log they are carried over into the database.
 */
import Database from 'better-sqlite3'
import { writeSync } from 'node:fs'

const [file = '', synchronous = '', pages = ''] = process.argv.slice(2)
const database = new Database(file)
// Before the journal, which syncs when it is set; and after it, because it resets this.
database.pragma(`synchronous = ${synchronous}`)
database.pragma('journal_mode = WAL')
database.pragma(`synchronous = ${synchronous}`)
database.pragma(`wal_autocheckpoint = ${pages}`)
database.exec('CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY, filler BLOB)')
const insert = database.prepare('INSERT INTO numbers VALUES (?, ?)')
const last = database.prepare<[], { readonly n: number }>('SELECT max(n) AS n FROM numbers').get()
for (let n = (last?.n ?? 0) + 1; ; n++) {
  insert.run(n, new Uint8Array(500))
  writeSync(3, `${n}\n`)
}
