import {
  createWorld,
  RecordLog,
  SimulatedDisk,
  SeededRandom,
  Trace,
  VirtualClock,
  type CrashLoss,
  type Disk,
} from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[WORLD-19] what is written is readable at once, before any sync', async () => {
  const { disk, until } = newDisk()
  await until(disk.write('file', 0, bytesOf('hello world')))
  await until(disk.write('file', 6, bytesOf('there')))
  await until(disk.append('file', bytesOf('!')))
  expect(textOf(await until(disk.read('file')))).toBe('hello there!')
  expect(textOf(await until(disk.read('file', 6, 5)))).toBe('there')
  await until(disk.truncate('file', 5))
  expect(textOf(await until(disk.read('file')))).toBe('hello')
  expect(await until(disk.size('file'))).toBe(5)
  expect(await until(disk.names())).toEqual(['file'])
})

test('[WORLD-19] what was synced survives every crash, whatever comes after it', async () => {
  for (const loss of ['none', 'all', 'tail', 'scattered'] as const) {
    for (let seed = 0; seed < 30; seed++) {
      const { disk, device, until } = newDisk(seed)
      await until(disk.write('file', 0, bytesOf('durable bytes')))
      await until(disk.fsync('file'))
      await until(disk.append('file', bytesOf(' and more')))
      await until(disk.append('file', bytesOf(' and still more')))
      device.crash(loss)
      expect(textOf(await until(disk.read('file')))).toMatch(/^durable bytes/)
    }
  }
})

test('[WORLD-19] a crash takes unsynced writes wholly, torn, or out of order, by its mode', async () => {
  const seen = {
    none: new Set<string>(),
    all: new Set<string>(),
    tail: new Set<string>(),
    scattered: new Set<string>(),
  }
  for (const loss of ['none', 'all', 'tail', 'scattered'] as const) {
    for (let seed = 0; seed < 60; seed++) {
      const { disk, device, until } = newDisk(seed)
      await until(disk.write('file', 0, bytesOf('____')))
      await until(disk.fsync('file'))
      await until(disk.write('file', 0, bytesOf('AA')))
      await until(disk.write('file', 2, bytesOf('BB')))
      device.crash(loss)
      seen[loss].add(textOf(await until(disk.read('file'))))
    }
  }
  expect([...seen.none]).toEqual(['AABB'])
  expect([...seen.all]).toEqual(['____'])
  expect([...seen.tail].toSorted()).toEqual(['AABB', 'AAB_', 'AA__', 'A___', '____'])
  expect(seen.scattered).toContain('__BB')
  expect(seen.scattered).toContain('__B_')
})

test('[WORLD-19] what survived a crash is durable', async () => {
  const { disk, device, until } = newDisk(3)
  await until(disk.write('file', 0, bytesOf('0123456789')))
  await until(disk.fsync('file'))
  for (let at = 0; at < 10; at++) await until(disk.write('file', at, bytesOf('x')))
  device.crash('scattered')
  const first = textOf(await until(disk.read('file')))
  expect(first).not.toBe('0123456789')
  device.crash('all')
  expect(textOf(await until(disk.read('file')))).toBe(first)
})

test('[WORLD-19] a hole between what is there and what is written reads as zeros, never as old bytes', async () => {
  const { disk, device, until } = newDisk()
  await until(disk.write('file', 0, bytesOf('ab')))
  await until(disk.fsync('file'))
  await until(disk.append('file', bytesOf('secret')))
  await until(disk.truncate('file', 2))
  await until(disk.write('file', 5, bytesOf('z')))
  expect([...(await until(disk.read('file')))]).toEqual([97, 98, 0, 0, 0, 122])
  device.crash('all')
  await until(disk.write('file', 4, bytesOf('y')))
  expect([...(await until(disk.read('file')))]).toEqual([97, 98, 0, 0, 121])
})

test('[WORLD-19] a sync covers what was written before it began', async () => {
  const { clock, disk, device, until } = newDisk()
  device.latencyMs = { read: 0, write: 0, fsync: 10, names: 0 }
  await until(disk.write('file', 0, bytesOf('early')))
  const sync = disk.fsync('file')
  await until(disk.append('file', bytesOf(' late')))
  expect(clock.monotonic()).toBe(0)
  await until(sync)
  expect(clock.monotonic()).toBe(10)
  device.crash('all')
  expect(textOf(await until(disk.read('file')))).toBe('early')
})

test('[WORLD-20] names are durable in order: a creation with its first sync, the rest with fsyncNames', async () => {
  const { disk, device, until } = newDisk()
  await until(disk.write('old', 0, bytesOf('old')))
  device.crash('all')
  expect(await until(disk.names())).toEqual([])
  await until(disk.write('old', 0, bytesOf('old')))
  await until(disk.fsync('old'))
  await until(disk.write('new', 0, bytesOf('new')))
  await until(disk.fsync('new'))
  await until(disk.rename('new', 'old'))
  expect(textOf(await until(disk.read('old')))).toBe('new')
  device.crash('all')
  expect(textOf(await until(disk.read('old')))).toBe('old')
  await until(disk.rename('new', 'old'))
  await until(disk.fsyncNames())
  device.crash('all')
  expect(await until(disk.names())).toEqual(['old'])
  expect(textOf(await until(disk.read('old')))).toBe('new')
  await until(disk.remove('old'))
  device.crash('all')
  expect(await until(disk.names())).toEqual(['old'])
})

test('[WORLD-20] a rename is there or not, never half', async () => {
  const outcomes = new Set<string>()
  for (let seed = 0; seed < 40; seed++) {
    const { disk, device, until } = newDisk(seed)
    for (const name of ['file', 'temporary']) {
      await until(disk.write(name, 0, bytesOf(name)))
      await until(disk.fsync(name))
    }
    await until(disk.rename('temporary', 'file'))
    device.crash()
    const names = await until(disk.names())
    outcomes.add(`${names.join(' ')}: ${textOf(await until(disk.read('file')))}`)
  }
  expect([...outcomes].toSorted()).toEqual(['file temporary: file', 'file: temporary'])
})

test('[WORLD-21] a full disk refuses the write whole and keeps what it has', async () => {
  const { disk, device, until } = newDisk()
  device.capacityBytes = 10
  await until(disk.write('file', 0, bytesOf('12345678')))
  await expect(until(disk.append('file', bytesOf('abc')))).rejects.toMatchObject({
    code: 'disk-full',
  })
  expect(textOf(await until(disk.read('file')))).toBe('12345678')
  await until(disk.write('file', 6, bytesOf('ab')))
  device.capacityBytes = 20
  await until(disk.append('file', bytesOf('abc')))
  expect(device.usedBytes).toBe(11)
})

test('[WORLD-21] operations fail by intent, so many times', async () => {
  const { disk, device, until } = newDisk()
  await until(disk.write('file', 0, bytesOf('x')))
  device.failNext('read', 2)
  device.failNext('write')
  await expect(until(disk.read('file'))).rejects.toMatchObject({ code: 'disk-failed' })
  await expect(until(disk.read('file'))).rejects.toMatchObject({ code: 'disk-failed' })
  expect(textOf(await until(disk.read('file')))).toBe('x')
  await expect(until(disk.append('file', bytesOf('y')))).rejects.toMatchObject({
    code: 'disk-failed',
  })
  expect(textOf(await until(disk.read('file')))).toBe('x')
  await expect(until(disk.read('nothing'))).rejects.toMatchObject({ code: 'no-such-file' })
})

test('[WORLD-21] what a failed sync should have covered is lost at the next crash, whatever is synced later', async () => {
  const { disk, device, until } = newDisk()
  await until(disk.write('file', 0, bytesOf('base')))
  await until(disk.fsync('file'))
  await until(disk.append('file', bytesOf('-doomed')))
  device.failNext('fsync')
  await expect(until(disk.fsync('file'))).rejects.toMatchObject({ code: 'disk-failed' })
  await until(disk.write('file', 0, bytesOf('BASE')))
  await until(disk.fsync('file'))
  expect(textOf(await until(disk.read('file')))).toBe('BASE-doomed')
  device.crash('tail')
  expect(textOf(await until(disk.read('file')))).toBe('BASE')
})

test('[WORLD-21] a lying disk answers a sync and keeps nothing', async () => {
  const { disk, device, until } = newDisk()
  device.isLying = true
  await until(disk.write('file', 0, bytesOf('trusted')))
  await until(disk.fsync('file'))
  device.crash('all')
  expect(await until(disk.names())).toEqual([])
})

test('[WORLD-21] [L56] a flipped bit is read back without an error', async () => {
  const { disk, device, until } = newDisk()
  await until(disk.write('file', 0, new Uint8Array(50)))
  await until(disk.fsync('file'))
  device.flipBit('file')
  const flipped = (await until(disk.read('file'))).filter((byte) => byte !== 0)
  expect(flipped).toHaveLength(1)
  expect([1, 2, 4, 8, 16, 32, 64, 128]).toContain(flipped[0])
})

test('[WORLD-22] a record log gives after any crash a beginning that holds all that was synced', async () => {
  const lengths = new Set<number>()
  for (let seed = 0; seed < 150; seed++) {
    const { disk, device, until } = newDisk(seed)
    const random = new SeededRandom(seed)
    const log = await until(RecordLog.open(disk, 'log'))
    const records = Array.from({ length: 8 }, (_, index) => bytesOf(`record ${index} `.repeat(3)))
    const syncedAt = random.below(9)
    for (const [index, record] of records.entries()) {
      if (index === syncedAt) await until(log.sync())
      await until(log.append(record))
    }
    const loss = random.pick<CrashLoss>(['all', 'tail', 'scattered'])
    device.crash(loss)
    const reopened = await until(RecordLog.open(disk, 'log'))
    const found = reopened.records.map(textOf)
    expect(found).toEqual(records.slice(0, found.length).map(textOf))
    expect(found.length).toBeGreaterThanOrEqual(syncedAt < records.length ? syncedAt : 0)
    lengths.add(found.length)
    // It goes on where the damage was cut off.
    await until(reopened.append(bytesOf('after')))
    await until(reopened.sync())
    device.crash('all')
    const last = await until(RecordLog.open(disk, 'log'))
    expect(last.records.map(textOf)).toEqual([...found, 'after'])
  }
  expect(lengths.size).toBeGreaterThan(4)
})

test('[WORLD-22] [L56] a record log stops at a record whose letters flipped', async () => {
  const { disk, device, until } = newDisk('flip')
  const log = await until(RecordLog.open(disk, 'log'))
  for (const text of ['one', 'two', 'three']) await until(log.append(bytesOf(text)))
  await until(log.sync())
  device.flipBit('log')
  const { records } = await until(RecordLog.open(disk, 'log'))
  expect(records.length).toBeLessThan(3)
  expect(records.map(textOf)).toEqual(['one', 'two', 'three'].slice(0, records.length))
})

test('[WORLD-22] an empty record is a record, and the log of a new disk can be synced', async () => {
  const world = createWorld({ seed: 'empty' })
  const found: number[] = []
  const program = async (disk: Disk): Promise<void> => {
    const log = await RecordLog.open(disk, 'log')
    await log.sync()
    found.push(log.records.length)
    await log.append(new Uint8Array(0))
    await log.sync()
  }
  world.host('h').start((life) => life.watch(program(life.disk)))
  await world.run(10)
  world.host('h').crash()
  world.host('h').restart()
  await world.run(10)
  expect(found).toEqual([0, 1])
})

function newDisk(seed: string | number = 'disk') {
  const clock = new VirtualClock()
  const device = new SimulatedDisk({
    host: 'h',
    random: new SeededRandom(seed),
    trace: new Trace(() => clock.monotonic()),
  })
  /** What the disk answers, with as much virtual time as it takes. */
  const until = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false
    void work.then(
      () => (isDone = true),
      () => (isDone = true),
    )
    await clock.runUntil(() => isDone)
    return work
  }
  return { clock, device, disk: device.handle(clock), until }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
