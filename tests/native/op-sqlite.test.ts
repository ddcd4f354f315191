/**
 * The store of React Native, through op-sqlite's own JavaScript, on a stand-in for its C++ layer. What
 * that layer does on a phone is not tested here.
 */
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openOpSqliteDriver, type OpSqlite, type OpSqliteValue } from '@holdfast/client/native'
import type { Driver } from '@holdfast/client/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { describeDriver } from '../contract/describeDriver.js'
import { listenTo, rejectionOf, type DriverSubject } from '../contract/driver/subject.js'
import { installNative } from './install.js'
import { loadOpSqlite } from './load.js'
import { installNativeProxy } from './native-proxy.js'

const installed = await installNative()
const impossible = 'impossible' in installed ? installed.impossible : undefined
if (impossible !== undefined) console.info(`op-sqlite is not tested: ${impossible}`)

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

describe.skipIf(impossible !== undefined)('op-sqlite', async () => {
  installNativeProxy()
  if (!('folder' in installed)) return
  const sqlite = await loadOpSqlite(installed.folder)

  describeDriver({
    name: 'through its React Native JavaScript',
    kind: 'op-sqlite',
    isDurable: true,
    secondOwner: 'refused',
    create: async () => subjectOf(sqlite),
  })

  test('[DRIVER-22] [L23] bytes come as ArrayBuffers and leave the driver as copies', async () => {
    const driver = await openOpSqliteDriver({ sqlite, name: 'bytes', location: freshFolder() })
    const rows = await driver.query('SELECT ?', [Uint8Array.of(1, 2)])
    expect(rows).toEqual([[Uint8Array.of(1, 2)]])
    await driver.close()
  })

  test('[DRIVER-22] [DRIVER-19] [R6] a damaged file stays where it is, is told, and the store works on the next one, now and later', async () => {
    const location = freshFolder()
    const place = { sqlite, name: 'store', location }
    writeFileSync(
      join(location, 'store'),
      'this is no database, and long enough to look at it'.repeat(40),
    )
    for (const expected of [[], [[1]]]) {
      const driver = await openOpSqliteDriver(place)
      const told = listenTo(driver)
      await driver.transact([{ sql: 'CREATE TABLE IF NOT EXISTS t (id INTEGER)' }])
      expect(await driver.query('SELECT id FROM t')).toEqual(expected)
      expect(told).toMatchObject([{ kind: 'damaged', setAside: 'store' }])
      await driver.transact([{ sql: 'INSERT INTO t VALUES (1)' }])
      await driver.close()
    }
  })

  /** How results looked in other versions, and what else a binding might give. */
  const shapes: readonly (readonly [string, (result: object) => unknown])[] = [
    ['nothing', () => undefined],
    ['rows as objects, without raw ones', () => ({ rowsAffected: 0, rows: [{ id: 1 }] })],
    ['rows in `_array`', () => ({ rowsAffected: 0, rawRows: { _array: [[1]], length: 1 } })],
    ['raw rows alone', () => [[1]]],
    ['a row that is no list', () => ({ rowsAffected: 0, rawRows: [{ 0: 1 }] })],
    ['a boolean', () => ({ rowsAffected: 0, rawRows: [[true]] })],
    ['a bigint', () => ({ rowsAffected: 0, rawRows: [[1n]] })],
    [
      'bytes as a list in an object',
      () => ({ rowsAffected: 0, rawRows: [[{ type: 'Buffer', data: [1] }]] }),
    ],
    ['a hole', () => ({ rowsAffected: 0, rawRows: [[undefined]] })],
  ]
  for (const [what, spoil] of shapes) {
    test(`[DRIVER-22] [L42] ${what} as the result of a query is an error`, async () => {
      const { driver, spoilNext } = await spoiled(sqlite)
      spoilNext(spoil)
      expect((await rejectionOf(driver.query('SELECT 1'))).code).toBe('storage-failed')
      expect(await driver.query('SELECT 1')).toEqual([[1]])
      await driver.close()
    })
  }

  test('[DRIVER-22] [L42] [L33] a number of rows that is none undoes the transaction', async () => {
    const { driver, spoilNext } = await spoiled(sqlite)
    await driver.transact([{ sql: 'CREATE TABLE t (id INTEGER)' }])
    spoilNext((result) => ({ ...result, rowsAffected: undefined }), /^INSERT/)
    const refused = await rejectionOf(driver.transact([{ sql: 'INSERT INTO t VALUES (1)' }]))
    expect(refused.code).toBe('storage-failed')
    expect(await driver.query('SELECT * FROM t')).toEqual([])
    await driver.close()
  })

  test('[DRIVER-22] [R6] [L33] what cannot be rolled back is dropped with its connection; the next call opens another', async () => {
    const { driver, spoilNext } = await spoiled(sqlite)
    const told = listenTo(driver)
    await driver.transact([{ sql: 'CREATE TABLE t (id INTEGER)' }])
    spoilNext(fails, /^COMMIT/)
    spoilNext(fails, /^ROLLBACK/)
    const refused = await rejectionOf(driver.transact([{ sql: 'INSERT INTO t VALUES (1)' }]))
    expect(refused.code).toBe('storage-failed')
    expect(told.map(({ kind }) => kind)).toEqual(['trouble', 'trouble'])
    expect(await driver.transact([{ sql: 'INSERT INTO t VALUES (2)' }])).toEqual([1])
    expect(told.map(({ kind }) => kind)).toEqual(['trouble', 'trouble', 'recovered'])
    expect(await driver.query('SELECT * FROM t')).toEqual([[2]])
    await driver.close()
  })
})

function fails(): never {
  throw new Error('[op-sqlite] statement execution error: disk I/O error')
}

/** A driver whose next result (of a statement that looks so) is made another one. */
async function spoiled(sqlite: OpSqlite): Promise<{
  readonly driver: Driver
  readonly spoilNext: (spoil: (result: object) => unknown, sql?: RegExp) => void
}> {
  const planned: { readonly sql: RegExp; readonly spoil: (result: object) => unknown }[] = []
  const around: OpSqlite = {
    open(options) {
      const database = sqlite.open(options)
      return {
        close: () => database.close(),
        async executeRaw(sql: string, values?: OpSqliteValue[]) {
          const at = planned.findIndex((plan) => plan.sql.test(sql))
          const [plan] = at === -1 ? [] : planned.splice(at, 1)
          // What throws, throws instead.
          if (plan !== undefined && /^(?:COMMIT|ROLLBACK)/.test(sql)) return plan.spoil({})
          const result = (await database.executeRaw(sql, values)) as object
          return plan === undefined ? result : plan.spoil(result)
        },
      }
    },
  }
  const driver = await openOpSqliteDriver({
    sqlite: around,
    name: 'store',
    location: freshFolder(),
  })
  return { driver, spoilNext: (spoil, sql = /^SELECT/) => void planned.push({ sql, spoil }) }
}

function subjectOf(sqlite: OpSqlite): DriverSubject {
  let location = freshFolder()
  const open = (): Promise<Driver> => openOpSqliteDriver({ sqlite, name: 'store', location })
  return {
    open,
    openElsewhere: open,
    async crash() {
      const from = location
      location = freshFolder()
      if (existsSync(from)) cpSync(from, location, { recursive: true })
    },
    close: async () => {},
  }
}

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-native-'))
  folders.push(folder)
  return folder
}
