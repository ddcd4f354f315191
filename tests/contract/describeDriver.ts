import type { Driver, SqlValue, Statement } from '@holdfast/client/testing'
import { describe, expect, test } from 'vitest'
import { listenTo, onFresh, rejectionOf, type DriverContract } from './driver/subject.js'

/** The contract of the `Driver` port: every driver passes it, unchanged. */
export function describeDriver(contract: DriverContract): void {
  const { name, kind, isDurable, secondOwner } = contract
  const on = (work: Parameters<typeof onFresh>[1]) => () => onFresh(contract, work)

  describe(name, () => {
    test(
      '[DRIVER-1] says what it is and whether anything outlives it',
      on(async (driver) => {
        expect(driver.kind).toBe(kind)
        expect(driver.isDurable).toBe(isDurable)
      }),
    )

    test(
      '[DRIVER-2] gives back every value as it was stored',
      on(async (driver) => {
        await driver.transact([
          { sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, r REAL, s TEXT, b BLOB)' },
        ])
        const rows: SqlValue[][] = [
          [1, 0, 0, '', new Uint8Array(0)],
          [2, -1, -0.5, 'ä𝄞 \' " \n', Uint8Array.of(0, 255, 0)],
          [
            3,
            Number.MAX_SAFE_INTEGER,
            1.5e-300,
            'x'.repeat(100_000),
            new Uint8Array(30_000).fill(7),
          ],
          [4, Number.MIN_SAFE_INTEGER, 1e15, "'; DROP TABLE t; --", Uint8Array.of(1)],
          [5, null, null, null, null],
        ]
        await driver.transact(rows.map((parameters) => ({ sql: insertAll, parameters })))
        expect(await driver.query('SELECT * FROM t ORDER BY id')).toEqual(rows)
      }),
    )

    test(
      '[DRIVER-3] [L23] copies blobs at the border: of a view it takes the view alone, and what it gives is nobody else’s',
      on(async (driver) => {
        await makeTable(driver)
        const pool = new Uint8Array(64).map((_, at) => at)
        const view = new Uint8Array(pool.buffer, 10, 4)
        const storing = driver.transact([
          { sql: 'INSERT INTO t VALUES (1, ?)', parameters: [view] },
        ])
        // The caller goes on with its buffer before the call is carried out.
        pool.fill(99)
        await storing
        const read = async (): Promise<Uint8Array> => {
          const [row] = await driver.query('SELECT v FROM t')
          if (!(row?.[0] instanceof Uint8Array)) throw new Error('not a blob')
          return row[0]
        }
        const blob = await read()
        expect([...blob]).toEqual([10, 11, 12, 13])
        expect(blob.constructor).toBe(Uint8Array)
        expect(blob.buffer.byteLength).toBe(4)
        blob.fill(0)
        expect([...(await read())]).toEqual([10, 11, 12, 13])
      }),
    )

    test(
      '[DRIVER-4] answers how many rows each statement has changed, and 0 for what is no change of rows',
      on(async (driver) => {
        await makeTable(driver)
        const changes = await driver.transact([
          put(1, 'a'),
          put(2, 'b'),
          put(3, 'c'),
          { sql: 'UPDATE t SET v = ? WHERE id > ?', parameters: ['z', 1] },
          { sql: 'CREATE INDEX t_v ON t (v)' },
          { sql: 'UPDATE t SET v = ? WHERE id = ?', parameters: ['y', 9] },
          { sql: 'DELETE FROM t' },
          { sql: 'PRAGMA user_version = 7' },
        ])
        expect(changes).toEqual([1, 1, 1, 2, 0, 0, 3, 0])
        expect(await driver.query('PRAGMA user_version')).toEqual([[7]])
        expect(await driver.transact([])).toEqual([])
      }),
    )

    test(
      '[DRIVER-5] [L33] a transaction whose last statement fails has done nothing, and harms none behind it',
      on(async (driver) => {
        await makeTable(driver)
        await driver.transact([put(1, 'before')])
        const failing = driver.transact([
          put(2, 'half'),
          { sql: 'UPDATE t SET v = ?', parameters: ['changed'] },
          { sql: 'CREATE TABLE made (a TEXT)' },
          put(1, 'there already'),
        ])
        const next = driver.transact([put(3, 'after')])
        expect((await rejectionOf(failing)).code).toBe('internal')
        await next
        expect(await all(driver)).toEqual([
          [1, 'before'],
          [3, 'after'],
        ])
        expect(await driver.query("SELECT name FROM sqlite_schema WHERE name = 'made'")).toEqual([])
      }),
    )

    test(
      '[DRIVER-6] carries calls out in the order in which they were made, reads among writes',
      on(async (driver) => {
        await makeTable(driver)
        const seen: Promise<unknown>[] = []
        for (let id = 1; id <= 20; id++) {
          seen.push(driver.transact([put(id, 'x')]))
          seen.push(driver.query('SELECT count(*) FROM t'))
        }
        const answers = await Promise.all(seen)
        expect(answers.filter((_, at) => at % 2 === 1)).toEqual(
          Array.from({ length: 20 }, (_, at) => [[at + 1]]),
        )
      }),
    )

    const faults: readonly (readonly [string, (driver: Driver) => Promise<unknown>])[] = [
      ['text that is no SQL', (driver) => driver.transact([{ sql: 'INSERT INTO nothing' }])],
      ['a table that is not there', (driver) => driver.query('SELECT * FROM missing')],
      ['a second statement', (driver) => driver.query('SELECT 1; SELECT 2')],
      [
        'a second statement that writes',
        (driver) => driver.transact([{ sql: 'DELETE FROM t; DELETE FROM t' }]),
      ],
      ['a query that writes', (driver) => driver.query('DELETE FROM t RETURNING id')],
      [
        'a query that hides a write',
        (driver) => driver.query('WITH a AS (SELECT 1) DELETE FROM t RETURNING id'),
      ],
      ['a pragma that sets', (driver) => driver.query('PRAGMA user_version = 3')],
      ['a transaction of its own', (driver) => driver.transact([{ sql: 'BEGIN' }])],
      ['an end of the transaction', (driver) => driver.transact([{ sql: 'COMMIT' }])],
      ['chance', (driver) => driver.transact([{ sql: 'UPDATE t SET v = random()' }])],
      ['time', (driver) => driver.transact([{ sql: 'UPDATE t SET v = CURRENT_TIMESTAMP' }])],
      ['too few values', (driver) => driver.query('SELECT ?, ?', [1])],
      ['too many values', (driver) => driver.query('SELECT ?', [1, 2])],
      ['values by name', (driver) => driver.query('SELECT :name', [1])],
      ['a number that is none', (driver) => driver.query('SELECT ?', [Number.NaN])],
      ['a number of 2^53', (driver) => driver.query('SELECT ?', [2 ** 53])],
      ['text with NUL', (driver) => driver.query('SELECT ?', ['a\0b'])],
      ['half a surrogate pair', (driver) => driver.query('SELECT ?', ['a\ud834'])],
      ['the other half', (driver) => driver.query('SELECT ?', ['𝄞\udd1e'])],
      ['undefined', (driver) => driver.query('SELECT ?', [undefined as unknown as SqlValue])],
    ]
    for (const [what, call] of faults) {
      test(
        `[DRIVER-7] refuses ${what}, and nothing has changed`,
        on(async (driver) => {
          await makeTable(driver)
          await driver.transact([put(1, 'kept')])
          expect((await rejectionOf(call(driver))).code).toBe('internal')
          expect(await all(driver)).toEqual([[1, 'kept']])
          expect(await driver.query('PRAGMA user_version')).toEqual([[0]])
        }),
      )
    }

    test(
      '[DRIVER-8] [L42] a result that cannot be said exactly is a rejection, not a wrong number',
      on(async (driver) => {
        expect((await rejectionOf(driver.query('SELECT 9007199254740993'))).code).toBe(
          'storage-failed',
        )
        expect(await driver.query('SELECT 1 WHERE 0')).toEqual([])
      }),
    )

    test(
      '[DRIVER-9] takes texts with quotes, comments, semicolons and question marks for what they are, and triggers',
      on(async (driver) => {
        await makeTable(driver)
        await driver.transact([
          {
            sql: 'CREATE TRIGGER copy AFTER INSERT ON t WHEN new.id < 10 BEGIN INSERT INTO t VALUES (new.id + 10, new.v); END',
          },
          { sql: "INSERT INTO t VALUES (1, 'a;?''b') -- and a ? here;", parameters: [] },
          { sql: '/* one; ? */ INSERT INTO t VALUES (?, ?);', parameters: [2, 'c'] },
        ])
        expect(await all(driver)).toEqual([
          [1, "a;?'b"],
          [2, 'c'],
          [11, "a;?'b"],
          [12, 'c'],
        ])
      }),
    )

    test(
      '[DRIVER-10] says what the database takes',
      on(async (driver) => {
        await makeTable(driver)
        const before = await driver.size()
        await driver.transact([put(1, new Uint8Array(1_000_000))])
        const { bytes } = await driver.size()
        expect(bytes - before.bytes).toBeGreaterThan(900_000)
        expect(bytes - before.bytes).toBeLessThan(2_000_000)
      }),
    )

    test(
      '[DRIVER-11] [L34] closing waits for what was begun; later calls reject, closing again does not',
      on(async (driver) => {
        await makeTable(driver)
        const begun = [driver.transact([put(1, 'a')]), all(driver)]
        const closing = driver.close()
        const late = [driver.transact([put(2, 'b')]), driver.query('SELECT 1'), driver.size()]
        for (const call of late) expect((await rejectionOf(call)).code).toBe('closed')
        expect(await Promise.all(begun)).toEqual([[1], [[1, 'a']]])
        await closing
        await driver.close()
      }),
    )

    test(
      '[DRIVER-12] tells nobody who no longer listens',
      on(async (driver) => {
        const undo = driver.onEvent(() => {
          throw new Error('told all the same')
        })
        undo()
        undo()
        const told = listenTo(driver)
        await makeTable(driver)
        expect(told).toEqual([])
      }),
    )

    if (isDurable) describeDurable(contract)
    if (secondOwner === 'refused') describeRefusal(contract)
    if (secondOwner === 'takes') describeTakeover(contract)
  })
}

function describeDurable(contract: DriverContract): void {
  test('[DRIVER-13] what was answered is there after closing and opening again, many times', () =>
    onFresh(contract, async (first, subject) => {
      await makeTable(first)
      await first.close()
      for (let id = 1; id <= 5; id++) {
        const driver = await subject.open()
        await driver.transact([put(id, `opening ${id}`)], id % 2 === 0 ? 'relaxed' : 'strict')
        expect((await all(driver)).length).toBe(id)
        await driver.close()
      }
    }))

  test('[DRIVER-13] what was answered is there after a crash, and of what was not, each transaction is whole or not at all', async () => {
    const subject = await contract.create()
    const first = await subject.open()
    await makeTable(first)
    await first.transact([put(1, 'answered'), put(2, 'with it')])
    const open = [
      first.transact([put(3, 'perhaps'), put(4, 'perhaps')]),
      first.transact([put(5, 'perhaps'), put(6, 'perhaps')]),
    ]
    // Nobody is answered by what has crashed; what only looks crashed may well be refused.
    for (const call of open) call.catch(() => {})
    if (subject.crash === undefined) throw new Error('a durable subject can crash')
    await subject.crash()
    const driver = await subject.open()
    const ids = (await all(driver)).map(([id]) => id).join()
    expect(['1,2', '1,2,3,4', '1,2,3,4,5,6']).toContain(ids)
    await driver.transact([put(7, 'later')])
    await driver.close()
    await subject.close()
  })
}

function describeRefusal(contract: DriverContract): void {
  test('[DRIVER-14] while one has the database, a second is refused; after the first has closed it is not', () =>
    onFresh(contract, async (first, subject) => {
      await makeTable(first)
      expect((await rejectionOf(openElsewhere(subject))).code).toBe('store-in-use')
      await first.transact([put(1, 'still mine')])
      await first.close()
      const second = await openElsewhere(subject)
      expect(await all(second)).toEqual([[1, 'still mine']])
      await second.close()
    }))
}

function describeTakeover(contract: DriverContract): void {
  test('[DRIVER-15] [L53] when a second takes the database, the first can neither read nor write, is told once, and has changed nothing', () =>
    onFresh(contract, async (first, subject) => {
      const told = listenTo(first)
      await makeTable(first)
      await first.transact([put(1, 'the first')])
      const second = await openElsewhere(subject)
      await second.transact([put(2, 'the second')])
      const calls = [
        first.transact([put(3, 'too late')]),
        first.query('SELECT * FROM t'),
        first.transact([put(4, 'too late')]),
      ]
      for (const call of calls) expect((await rejectionOf(call)).code).toBe('store-taken')
      expect(told).toEqual([{ kind: 'taken' }])
      expect(await all(second)).toEqual([
        [1, 'the first'],
        [2, 'the second'],
      ])
      await first.close()
      await second.transact([put(5, 'the second')])
      await second.close()
    }))
}

function openElsewhere(subject: { openElsewhere?(): Promise<Driver> }): Promise<Driver> {
  if (subject.openElsewhere === undefined) throw new Error('this subject has no second place')
  return subject.openElsewhere()
}

const insertAll = 'INSERT INTO t VALUES (?, ?, ?, ?, ?)'

async function makeTable(driver: Driver): Promise<void> {
  await driver.transact([{ sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)' }])
}

function put(id: number, value: SqlValue): Statement {
  return { sql: 'INSERT INTO t VALUES (?, ?)', parameters: [id, value] }
}

function all(driver: Driver): Promise<readonly (readonly SqlValue[])[]> {
  return driver.query('SELECT id, v FROM t ORDER BY id')
}
