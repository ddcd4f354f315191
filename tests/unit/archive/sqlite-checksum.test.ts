import { checksumOf } from '@holdfast/archive/testing'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'

test('[L56] the checksum of no bytes is the same before they are stored and after', () => {
  const database = new Database(':memory:')
  database.exec('CREATE TABLE blobs (bytes BLOB NOT NULL)')
  database.prepare('INSERT INTO blobs VALUES (?)').run(new Uint8Array(0))
  const { bytes } = database.prepare('SELECT bytes FROM blobs').get() as { bytes: Uint8Array }
  expect(bytes).toHaveLength(0)
  expect(checksumOf(bytes, 1, 2, 3)).toBe(checksumOf(new Uint8Array(0), 1, 2, 3))
  expect(checksumOf(bytes, 1, 2, 3)).not.toBe(checksumOf(bytes, 1, 3, 2))
  database.close()
})
