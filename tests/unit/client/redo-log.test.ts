import { crc32 as zlibCrc32 } from 'node:zlib'
import {
  Checkpoints,
  ClientError,
  crc32,
  decodeRecord,
  encodeRecord,
  IndexedDbRecords,
  loadSqlJs,
  openMemoryDriver,
  RedoDriver,
  RemoteDriver,
  serveDriver,
  type Driver,
  type RecordStore,
  type SqlJs,
  type Stored,
  type StoredImage,
  type StoredRecord,
} from '@holdfast/client/testing'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import { describe, expect, test } from 'vitest'
import { describeDriver } from '../../contract/describeDriver.js'
import { listenTo, rejectionOf } from '../../contract/driver/subject.js'

const sqlJs = await loadSqlJs()

describe('a record', () => {
  const record = encodeRecord({
    n: 7,
    statements: [
      {
        sql: 'INSERT INTO t VALUES (?, ?)',
        parameters: [1, Uint8Array.of(1, 2)],
        changesRows: true,
      },
      { sql: 'DELETE FROM t', parameters: [], changesRows: true },
    ],
    changes: [1, 4],
  })

  test('[DRIVER-26] comes back as it was', () => {
    expect(decodeRecord(7, record)).toEqual({
      n: 7,
      statements: [
        {
          sql: 'INSERT INTO t VALUES (?, ?)',
          parameters: [1, Uint8Array.of(1, 2)],
          changesRows: true,
        },
        { sql: 'DELETE FROM t', parameters: [], changesRows: true },
      ],
      changes: [1, 4],
    })
  })

  test('[DRIVER-26] [L56] with any letter of it flipped, cut off anywhere, or in another place is damaged', () => {
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = record.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(codeOf(() => decodeRecord(7, flipped))).toBe('store-damaged')
    }
    for (let end = 0; end < record.length; end++) {
      expect(codeOf(() => decodeRecord(7, record.slice(0, end)))).toBe('store-damaged')
    }
    expect(codeOf(() => decodeRecord(8, record))).toBe('store-damaged')
  })

  test('[DRIVER-26] of a later version is too new, not damaged', () => {
    const later = record.slice()
    later[4] = 2
    new DataView(later.buffer).setUint32(0, crc32(later.subarray(4)), true)
    expect(codeOf(() => decodeRecord(7, later))).toBe('store-too-new')
  })

  test('[DRIVER-26] has the checksum that everybody calls CRC-32', () => {
    const random = new SeededRandom('crc')
    for (let length = 0; length < 100; length++) {
      const bytes = random.bytes(length)
      expect(crc32(bytes)).toBe(zlibCrc32(bytes))
    }
  })
})

describe('checkpoints', () => {
  const policy = {
    whenIdle: { bytes: 1_000, records: 10 },
    atOnce: { bytes: 4_000, records: 40 },
    idleMs: 500,
    retryMs: 30_000,
  }

  test('[DRIVER-27] come when nothing was stored for a while, or at once when the log is long, and after a failure later', async () => {
    const clock = new VirtualClock()
    const begun: number[] = []
    const checkpoints = new Checkpoints(clock, policy, () => begun.push(clock.monotonic()))
    checkpoints.grown({ bytes: 999, records: 9 })
    await clock.run(10_000)
    expect(begun).toEqual([])
    checkpoints.grown({ bytes: 1_000, records: 9 })
    await clock.run(400)
    checkpoints.grown({ bytes: 1_100, records: 10 })
    await clock.run(400)
    expect(begun).toEqual([])
    await clock.run(200)
    expect(begun).toEqual([10_900])
    checkpoints.grown({ bytes: 100, records: 40 })
    expect(begun).toEqual([10_900, 11_000])
    checkpoints.failed({ bytes: 100, records: 40 })
    checkpoints.grown({ bytes: 200, records: 41 })
    await clock.run(29_000)
    expect(begun).toHaveLength(2)
    await clock.run(2_000)
    expect(begun).toEqual([10_900, 11_000, 41_000])
    checkpoints.grown({ bytes: 200, records: 30 })
    checkpoints.close()
    await clock.run(60_000)
    expect(begun).toHaveLength(3)
  })
})

describe('a redo log', () => {
  test('[DRIVER-28] [L33] when the log cannot take a transaction nothing of it is in memory, and the next one is stored', async () => {
    const { driver, store } = await openOn(sqlJs)
    store.failNext = new ClientError('storage-failed', 'by intent')
    const told = listenTo(driver)
    const failing = driver.transact([put(1)])
    const reading = driver.query('SELECT * FROM t')
    expect((await rejectionOf(failing)).code).toBe('storage-failed')
    expect(await reading).toEqual([])
    await driver.transact([put(2)])
    expect(await driver.query('SELECT id FROM t')).toEqual([[2]])
    expect(told.map(({ kind }) => kind)).toEqual(['trouble', 'recovered'])
    await driver.close()
  })

  test('[DRIVER-28] [L33] when sql.js fails to commit what the log has, the call has succeeded and memory is made anew from the log', async () => {
    const faulty = faultySqlJs()
    const { driver } = await openOn(faulty.sqlJs)
    faulty.failNext(/^COMMIT/)
    const told = listenTo(driver)
    expect(await driver.transact([put(1)])).toEqual([1])
    expect(told.map(({ kind }) => kind)).toEqual(['trouble'])
    expect(await driver.query('SELECT id FROM t')).toEqual([[1]])
    await driver.transact([put(2)])
    expect(await driver.query('SELECT id FROM t ORDER BY id')).toEqual([[1], [2]])
    await driver.close()
  })

  test('[DRIVER-28] [L33] when sql.js fails to roll back, memory is made anew from the log', async () => {
    const faulty = faultySqlJs()
    const { driver } = await openOn(faulty.sqlJs)
    await driver.transact([put(1)])
    faulty.failNext(/^ROLLBACK/)
    const failing = driver.transact([put(2), { sql: 'INSERT INTO missing VALUES (1)' }])
    expect((await rejectionOf(failing)).code).toBe('internal')
    expect(await driver.query('SELECT id FROM t')).toEqual([[1]])
    await driver.close()
  })

  test('[DRIVER-28] a checkpoint that fails is told and tried again, and calls go on meanwhile', async () => {
    const { driver, store, clock } = await openOn(sqlJs)
    const told = listenTo(driver)
    store.failCheckpoints = true
    for (let id = 0; id < 5; id++) await driver.transact([put(id)])
    await clock.run(1_000)
    expect(store.images).toBe(0)
    expect(told.map(({ kind }) => kind)).toEqual(['trouble'])
    await driver.transact([put(9)])
    store.failCheckpoints = false
    await clock.run(60_000)
    expect(store.images).toBe(1)
    expect(store.stored.records).toEqual([])
    await driver.close()
  })

  test('[DRIVER-19] what a replay does otherwise than the transaction did is damage: what was before it is kept', async () => {
    const { driver, store, clock } = await openOn(sqlJs)
    await driver.transact([put(1)])
    const foreign = { sql: 'INSERT INTO t VALUES (?)', parameters: [2], changesRows: true }
    store.stored.records.push({
      n: 3,
      bytes: encodeRecord({ n: 3, statements: [foreign], changes: [2] }),
    })
    await driver.close()
    const again = await RedoDriver.open({ kind: 'simulated', sqlJs, store, clock })
    expect(listenTo(again)).toEqual([])
    expect(await again.query('SELECT id FROM t')).toEqual([[1]])
    expect(store.aside).toHaveLength(1)
    await again.close()
  })

  test('[DRIVER-29] a store of a later version is left as it is', async () => {
    const { driver, store, clock } = await openOn(sqlJs)
    await driver.close()
    const [record] = store.stored.records
    if (record === undefined) throw new Error('nothing was stored')
    record.bytes[4] = 9
    new DataView(record.bytes.buffer).setUint32(0, crc32(record.bytes.subarray(4)), true)
    const opening = RedoDriver.open({ kind: 'simulated', sqlJs, store, clock })
    expect((await rejectionOf(opening)).code).toBe('store-too-new')
    expect(store.aside).toEqual([])
    expect(store.stored.records).toHaveLength(1)
  })
})

describe('IndexedDB', () => {
  test.each(['SecurityError', 'NotSupportedError', 'InvalidStateError'])(
    '[DRIVER-18] that says %s is not there at all',
    async (name) => {
      expect(await IndexedDbRecords.connect('any', factoryThatFails(name))).toBeUndefined()
    },
  )

  test.each([
    ['UnknownError', 'storage-failed'],
    ['VersionError', 'storage-failed'],
    ['QuotaExceededError', 'storage-full'],
  ])(
    '[DRIVER-18] that fails to open with %s is an error, not an empty store',
    async (name, code) => {
      const connecting = IndexedDbRecords.connect('any', factoryThatFails(name))
      expect((await rejectionOf(connecting)).code).toBe(code)
    },
  )

  test('[DRIVER-18] that is missing is not there', async () => {
    expect(await IndexedDbRecords.connect('any', undefined)).toBeUndefined()
  })
})

describeDriver({
  name: 'a driver behind a message port',
  kind: 'sql.js',
  isDurable: false,
  secondOwner: 'none',
  async create() {
    const ports: MessagePort[] = []
    return {
      async open() {
        const { driver, port1, port2 } = await openRemote()
        ports.push(port1, port2)
        return driver
      },
      async close() {
        for (const port of ports) port.close()
      },
    }
  },
})

test('[DRIVER-30] [L34] when the worker dies every call that waits for it is rejected, later ones too, and it is told', async () => {
  const { driver, port1, port2 } = await openRemote()
  const told = listenTo(driver)
  port2.close()
  const waiting = driver.query('SELECT 1')
  driver.fail(new Error('out of memory'))
  expect((await rejectionOf(waiting)).code).toBe('storage-failed')
  expect((await rejectionOf(driver.transact([]))).code).toBe('storage-failed')
  expect(told).toMatchObject([{ kind: 'trouble', cause: { code: 'storage-failed' } }])
  await driver.close()
  port1.close()
})

async function openRemote(): Promise<{
  readonly driver: RemoteDriver
  readonly port1: MessagePort
  readonly port2: MessagePort
}> {
  const { port1, port2 } = new MessageChannel()
  serveDriver(port2, openMemoryDriver)
  const driver = await RemoteDriver.open({ end: port1, name: 'any', release: () => {} })
  return { driver, port1, port2 }
}

async function openOn(
  sqlJs: SqlJs,
): Promise<{ readonly driver: Driver; readonly store: ListStore; readonly clock: VirtualClock }> {
  const store = new ListStore()
  const clock = new VirtualClock()
  const checkpoints = {
    whenIdle: { bytes: 1e9, records: 4 },
    atOnce: { bytes: 1e9, records: 1e9 },
    idleMs: 100,
    retryMs: 10_000,
  }
  const driver = await RedoDriver.open({ kind: 'simulated', sqlJs, store, clock, checkpoints })
  await driver.transact([{ sql: 'CREATE TABLE t (id INTEGER)' }])
  return { driver, store, clock }
}

/** Records in a list, for tests that say themselves what goes wrong. */
class ListStore implements RecordStore {
  stored: { image: StoredImage | undefined; records: StoredRecord[] } = {
    image: undefined,
    records: [],
  }
  readonly aside: Stored[] = []
  failNext: Error | undefined
  failCheckpoints = false
  images = 0

  async open(): Promise<Stored> {
    return this.stored
  }

  async read(): Promise<Stored> {
    return this.stored
  }

  async append(n: number, bytes: Uint8Array): Promise<void> {
    const failure = this.failNext
    this.failNext = undefined
    if (failure !== undefined) throw failure
    this.stored.records.push({ n, bytes })
  }

  async checkpoint(image: StoredImage): Promise<void> {
    if (this.failCheckpoints) throw new ClientError('storage-full', 'by intent')
    this.images++
    this.stored = { image, records: this.stored.records.filter(({ n }) => n > image.through) }
  }

  async setAside(image: StoredImage | undefined): Promise<string> {
    this.aside.push(this.stored)
    this.stored = { image, records: [] }
    return `aside ${this.aside.length}`
  }

  async checkOwner(): Promise<void> {}

  async quotaBytes(): Promise<undefined> {}

  async close(): Promise<void> {}
}

/** sql.js, of which one statement fails. */
function faultySqlJs(): { readonly sqlJs: SqlJs; readonly failNext: (sql: RegExp) => void } {
  let planned: RegExp | undefined
  const Database = class extends sqlJs.Database {
    override exec(sql: string): unknown {
      if (planned?.test(sql) === true) {
        planned = undefined
        throw new Error('disk I/O error')
      }
      return super.exec(sql)
    }
  }
  return { sqlJs: { Database }, failNext: (sql) => void (planned = sql) }
}

/** Just as much of it as fails. */
function factoryThatFails(name: string): IDBFactory {
  const opening = {
    error: new DOMException('by intent', name),
    onerror: undefined as (() => void) | undefined,
  }
  return {
    open() {
      queueMicrotask(() => opening.onerror?.())
      return opening
    },
  } as unknown as IDBFactory
}

function put(id: number): { sql: string; parameters: number[] } {
  return { sql: 'INSERT INTO t VALUES (?)', parameters: [id] }
}

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'nothing thrown'
  } catch (error) {
    return error instanceof ClientError ? error.code : String(error)
  }
}
