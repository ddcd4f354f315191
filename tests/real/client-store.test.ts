/** The client's store in Node, on real files: kills, a full disk, a damaged file, another process. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openNodeDriver } from '@holdfast/client/node'
import type { Driver } from '@holdfast/client/testing'
import { afterAll, expect, test } from 'vitest'
import { listenTo, rejectionOf } from '../contract/driver/subject.js'
import { seedsFromEnvironment } from '../sim/seeds.js'

const base = mkdtempSync(join(tmpdir(), 'holdfast-store-'))
const disk = join(base, 'disk')
mkdirSync(disk)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', disk])
const isMounted = mounted.status === 0
if (!isMounted) {
  const why = mounted.error?.message ?? mounted.stderr.toString().trim()
  console.info(`a full disk is not tested with a real one: ${why}`)
}
afterAll(() => {
  if (isMounted) spawnSync('umount', ['-l', disk])
  rmSync(base, { recursive: true, force: true })
})

const script = resolve(import.meta.dirname, '../dist/children/store-writer.js')

test('[DRIVER-23] a process killed in the middle of writing: nothing that was answered is lost, and each transaction is whole or not there', async () => {
  const { runs } = seedsFromEnvironment({ runs: 6, seed: 'kills' })
  const file = join(base, 'killed')
  const answered: number[] = []
  for (let run = 0; run < runs; run++) {
    answered.push(...(await killAfter(file, 20 + ((run * 37) % 50))))
    const driver = await openNodeDriver({ file })
    const parts = new Map(
      (await driver.query('SELECT tx, count(*) FROM parts GROUP BY tx')).map(([tx, count]) => [
        Number(tx),
        Number(count),
      ]),
    )
    expect([...parts.values()].filter((count) => count !== 3)).toEqual([])
    expect(answered.filter((tx) => !parts.has(tx))).toEqual([])
    await driver.close()
  }
  console.info(`${runs} kills: ${answered.length} transactions answered, 0 lost`)
})

test('[DRIVER-14] a file that another process has is refused, saying so; when that is gone it is not', async () => {
  const file = join(base, 'shared')
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const refused = await rejectionOf(openNodeDriver({ file, busyTimeoutMs: 0 }))
  expect(refused.code).toBe('store-in-use')
  expect(refused.message).toContain(file)
  child.kill('SIGKILL')
  await once(child, 'close')
  const driver = await openNodeDriver({ file })
  expect(Number((await driver.query('SELECT count(*) FROM parts'))[0]?.[0])).toBeGreaterThan(0)
  await driver.close()
})

test.skipIf(!isMounted)(
  '[DRIVER-24] [L40] [R6] on a full disk nothing is called saved, and that is told; with room again the same driver goes on',
  async () => {
    const file = join(disk, 'store')
    const driver = await openNodeDriver({ file })
    const told = listenTo(driver)
    await driver.transact([{ sql: 'CREATE TABLE t (id INTEGER, v BLOB)' }])
    await driver.transact([put(1, 10)])
    const ballast = join(disk, 'ballast')
    fill(ballast)
    const refused = await rejectionOf(driver.transact([put(2, 500_000)]))
    expect(refused.code).toBe('storage-full')
    expect(told).toMatchObject([{ kind: 'trouble', cause: { code: 'storage-full' } }])
    expect(await ids(driver)).toEqual([1])
    rmSync(ballast)
    await driver.transact([put(3, 500_000)])
    expect(told.map(({ kind }) => kind)).toEqual(['trouble', 'recovered'])
    await driver.close()
    const again = await openNodeDriver({ file })
    expect(await ids(again)).toEqual([1, 3])
    await again.close()
  },
)

for (const [what, spoil] of [
  [
    'that is no database',
    () => Buffer.from('not a database, whatever its name says. '.repeat(500)),
  ],
  ['with a page of zeros in it', (bytes: Buffer) => bytes.fill(0, 4_096, 8_192)],
] as const) {
  test(`[DRIVER-25] [R6] a file ${what} is set aside under a name, told, and an empty store is begun`, async () => {
    const file = join(base, `damaged ${what}`)
    const first = await openNodeDriver({ file })
    await first.transact([{ sql: 'CREATE TABLE t (id INTEGER, v BLOB)' }])
    await first.transact([put(1, 50_000)])
    await first.close()
    const spoilt = spoil(readFileSync(file))
    writeFileSync(file, spoilt)

    const driver = await openNodeDriver({ file })
    const told = listenTo(driver)
    await driver.transact([{ sql: 'CREATE TABLE t (id INTEGER, v BLOB)' }])
    expect(told).toMatchObject([{ kind: 'damaged', cause: { code: 'store-damaged' } }])
    const [event] = told
    if (event?.kind !== 'damaged') throw new Error('not told')
    expect(readFileSync(event.setAside).equals(spoilt)).toBe(true)
    await driver.close()
  })
}

/** Starts a writer, kills it after so many answers, and gives all that were heard. */
async function killAfter(file: string, answers: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'close')
  let told = ''
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString()
    if (told.split('\n').length > answers) child.kill('SIGKILL')
  })
  await gone
  // The last line may have been cut off.
  return told.split('\n').slice(0, -1).map(Number)
}

function put(id: number, bytes: number): { sql: string; parameters: (number | Uint8Array)[] } {
  return { sql: 'INSERT INTO t VALUES (?, ?)', parameters: [id, new Uint8Array(bytes)] }
}

async function ids(driver: Driver): Promise<number[]> {
  return (await driver.query('SELECT id FROM t ORDER BY id')).map(([id]) => Number(id))
}

/** Takes all room that is left. */
function fill(name: string): void {
  const file = openSync(name, 'w')
  const block = new Uint8Array(4_096)
  try {
    for (;;) writeSync(file, block)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(file)
  }
}
