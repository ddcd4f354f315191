/*
 * A device that writes to its store, and everything that can happen to it meanwhile: crashes that lose
 * and tear what was not synced, failing and full disks, a second owner in the middle of a write, images
 * at any moment, copies of the disk that go on by themselves.
 *
 * The model is small: each transaction has a number and leaves three rows. What was answered is there,
 * whole, ever after; what was not is there whole or not at all; and nothing else is there.
 */
import { ClientError, type CheckpointPolicy, type Driver } from '@holdfast/client/testing'
import { SimulationError, type Life, type Scenario, type World } from '@holdfast/peer/testing'
import { DiskRecords } from './disk-records.js'
import {
  freeSimulatedDrivers,
  openSimulatedDriver,
  type SimulatedParts,
} from './simulated-driver.js'

/** What is known of one device's disk. */
class Device {
  readonly answered = new Set<number>()
  /** Asked for and not answered: perhaps there. A refusal of the storage is one, until it was seen. */
  readonly open = new Set<number>()
  next = 0

  copy(): Device {
    const copy = new Device()
    for (const tx of this.answered) copy.answered.add(tx)
    for (const tx of this.open) copy.open.add(tx)
    copy.next = this.next + 1_000_000
    return copy
  }
}

/** What may be wrong with a store, for showing that the schedules find it. */
export type Bug =
  | 'answers before it is durable'
  | 'never looks who the owner is'
  | 'commits what it should roll back'

export function driverScenario(bug?: Bug): Scenario {
  return async (world) => {
    const { random } = world
    const parts = partsWith(bug)
    const device = new Device()
    const names = ['device']
    const devices = new Map([['device', device]])
    world.host('device').disk.isLying = bug === 'answers before it is durable'
    world.host('device').disk.latencyMs = { read: 1, write: 1, fsync: 3, names: 1 }
    for (let step = 0; step < 6; step++) {
      const name = random.pick(names)
      const own = devices.get(name)
      if (own === undefined) throw new Error(`no device ${name}`)
      await liveOnce(world, name, own, parts)
      if (names.length < 3 && random.chance(0.15)) {
        const copied = `${name}-${step}`
        await copyDisk(world, name, copied)
        names.push(copied)
        devices.set(copied, own.copy())
        world.count('copy')
      }
    }
    // At the end everybody looks once more, on a disk that works.
    for (const [name, own] of devices) {
      await inLife(world, name, async (life) => {
        const driver = await openUntilItWorks(world, life, parts)
        await expectHolds(driver, own)
        await driver.close()
      })
    }
    freeSimulatedDrivers()
  }
}

/** So small that images are made all the time. */
const policy: CheckpointPolicy = {
  whenIdle: { bytes: 2_000, records: 4 },
  atOnce: { bytes: 8_000, records: 12 },
  idleMs: 20,
  retryMs: 100,
}

function partsWith(bug: Bug | undefined): SimulatedParts {
  return {
    checkpoints: policy,
    ...(bug === 'never looks who the owner is' && { Records: HeedlessRecords }),
    ...(bug === 'commits what it should roll back' && {
      onExec: (sql: string) => (sql === 'ROLLBACK' ? 'COMMIT' : sql),
    }),
  }
}

class HeedlessRecords extends DiskRecords {
  override async checkOwner(): Promise<void> {}
}

/** From an opening to a crash, or to a close. */
async function liveOnce(
  world: World,
  name: string,
  device: Device,
  parts: SimulatedParts,
): Promise<void> {
  const { random } = world
  const host = world.host(name)
  let isDone = false
  host.start((life) => {
    life.watch(live(world, life, device, parts).then(() => void (isDone = true)))
  })
  if (random.chance(0.7)) {
    await world.run(random.below(400))
    host.crash()
  } else {
    await world.until(() => isDone)
    host.crash({ disk: 'none' })
  }
}

async function live(
  world: World,
  life: Life,
  device: Device,
  parts: SimulatedParts,
): Promise<void> {
  const { random } = world
  const driver = await openUntilItWorks(world, life, parts)
  await expectHolds(driver, device)
  let owner = driver
  for (let turn = 0; turn < 25; turn++) {
    if (random.chance(0.08))
      world.host(life.host).disk.failNext(random.pick(['write', 'fsync', 'read', 'names']))
    if (random.chance(0.04)) fillDisk(world, life.host)
    const writes = Array.from({ length: 1 + random.below(3) }, () => write(life, owner, device))
    if (random.chance(0.06)) {
      const before = owner
      owner = await openUntilItWorks(world, life, parts)
      life.count('taken over')
      await Promise.all(writes)
      await expectTaken(before, life)
      await before.close()
      await expectHolds(owner, device)
    }
    await Promise.all(writes)
    world.host(life.host).disk.capacityBytes = Number.POSITIVE_INFINITY
    if (random.chance(0.2)) await expectHolds(owner, device)
    if (random.chance(0.3)) await pause(life, random.below(60))
  }
  await owner.close()
  life.count('closed')
}

async function openUntilItWorks(world: World, life: Life, parts: SimulatedParts): Promise<Driver> {
  for (;;) {
    try {
      const driver = await openSimulatedDriver(life, parts)
      driver.onEvent(({ kind }) => life.count(kind))
      await driver.transact([
        { sql: 'CREATE TABLE IF NOT EXISTS parts (tx INTEGER, part INTEGER, bytes BLOB)' },
      ])
      return driver
    } catch (error) {
      if (!isOfStorage(error)) throw error
      life.count('opening failed')
      world.host(life.host).disk.capacityBytes = Number.POSITIVE_INFINITY
    }
  }
}

async function write(life: Life, driver: Driver, device: Device): Promise<void> {
  const tx = device.next++
  device.open.add(tx)
  const fails = life.random.chance(0.1)
  const parts = [0, 1, 2].map((part) => ({
    sql: 'INSERT INTO parts VALUES (?, ?, ?)',
    parameters: [tx, part, life.random.bytes(life.random.below(900))],
  }))
  try {
    await driver.transact(fails ? [...parts, { sql: 'INSERT INTO missing VALUES (1)' }] : parts)
    device.open.delete(tx)
    device.answered.add(tx)
    life.count('answered')
  } catch (error) {
    if (fails && error instanceof ClientError && error.code === 'internal') {
      device.open.delete(tx)
      life.count('rolled back')
      return
    }
    if (!isOfStorage(error)) throw error
    life.count('refused')
  }
}

async function expectHolds(driver: Driver, device: Device): Promise<void> {
  const rows = await readUntilItWorks(driver)
  const found = new Map(rows)
  for (const [tx, parts] of found) {
    if (parts !== 3) throw new Error(`half a transaction: ${tx} has ${parts} of 3 rows`)
    if (!device.answered.has(tx) && !device.open.has(tx)) {
      throw new Error(`transaction ${tx} is there, and was undone`)
    }
  }
  for (const tx of device.answered) {
    if (!found.has(tx)) throw new Error(`lost what was answered: ${tx}`)
  }
}

async function readUntilItWorks(driver: Driver): Promise<(readonly [number, number])[]> {
  for (;;) {
    try {
      const rows = await driver.query('SELECT tx, count(*) FROM parts GROUP BY tx')
      return rows.map(([tx, parts]) => [Number(tx), Number(parts)])
    } catch (error) {
      if (!isOfStorage(error) || (error as ClientError).code === 'store-taken') throw error
    }
  }
}

async function expectTaken(driver: Driver, life: Life): Promise<void> {
  for (const call of [() => driver.query('SELECT 1'), () => driver.transact([])]) {
    for (;;) {
      const code = await call().then(
        () => 'answered',
        (error: unknown) => (error instanceof ClientError ? error.code : String(error)),
      )
      if (code === 'store-taken') break
      if (code !== 'storage-failed') throw new Error(`an owner that lost its store: ${code}`)
    }
  }
  life.count('refused as taken')
}

function isOfStorage(error: unknown): boolean {
  if (!(error instanceof ClientError)) return false
  return ['storage-failed', 'storage-full', 'store-taken'].includes(error.code)
}

/** What was to fail by intent may not have been used up. */
async function untilItWorks<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof SimulationError) || error.code !== 'disk-failed') throw error
    }
  }
}

function fillDisk(world: World, name: string): void {
  const { disk } = world.host(name)
  disk.capacityBytes = disk.usedBytes + world.random.below(1_500)
}

function pause(life: Life, ms: number): Promise<void> {
  return new Promise((resolve) => void life.clock.after(ms, resolve))
}

async function copyDisk(world: World, from: string, to: string): Promise<void> {
  world.host(to).disk.latencyMs = world.host(from).disk.latencyMs
  const files: (readonly [string, Uint8Array])[] = []
  await inLife(world, from, async ({ disk }) => {
    for (const name of await untilItWorks(() => disk.names())) {
      files.push([name, await untilItWorks(() => disk.read(name))])
    }
  })
  await inLife(world, to, async ({ disk }) => {
    for (const [name, bytes] of files) {
      await disk.write(name, 0, bytes)
      await disk.fsync(name)
    }
  })
}

async function inLife(
  world: World,
  name: string,
  work: (life: Life) => Promise<void>,
): Promise<void> {
  let isDone = false
  const host = world.host(name)
  host.start((life) => life.watch(work(life).then(() => void (isDone = true))))
  await world.until(() => isDone)
  host.crash({ disk: 'none' })
}
