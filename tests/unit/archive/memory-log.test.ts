import type { Log } from '@holdfast/archive'
import { MemoryDisk, openMemoryLog, type Sync } from '@holdfast/archive/testing'
import { silentLogger, type LogFields, type Logger } from '@holdfast/peer/ports'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { note, notes } from '../../contract/log/names.js'
import { answers, commit, commitsOf } from '../../contract/log/outcomes.js'
import { Reader } from '../../contract/log/reader.js'
import { Writer } from '../../contract/log/writer.js'

test('[LOG-51] a copied disk is another log’s storage, and the two go apart', async () => {
  const disk = new MemoryDisk(random)
  const log = await open(disk)
  const a = new Writer(1)
  await commit(log, a.write('both '))
  const copy = await open(disk.copy())
  expect(copy.archive).toBe(log.archive)
  expect(copy.term).not.toBe(log.term)
  await commit(log, a.write('first'))
  await commit(copy, new Writer(2).write('second '))
  expect((await new Reader().readAll(log)).textOf(note)).toBe('both first')
  expect((await new Reader().readAll(copy)).textOf(note)).toContain('second')
  expect(await log.head(notes)).toBe(2)
})

test('[LOG-51] on virtual time a group is durable when its disk says so, and not before', async () => {
  const clock = new VirtualClock()
  const disk = new MemoryDisk(random)
  const log = await open(disk)
  await log.close()
  const slow: Sync = (persist) =>
    new Promise((resolve) => {
      clock.after(5, persist)
      clock.after(8, resolve)
    })
  const opening = open(disk, { sync: slow, clock })
  await clock.run(8)
  const slowLog = await opening
  const a = new Writer(1)
  const events: string[] = []
  slowLog.onCommit(() => events.push(`announced ${clock.monotonic()}`))
  const pending = commit(slowLog, a.write('x'))
  const answered = pending.then(() => events.push(`answered ${clock.monotonic()}`))
  await clock.run(4)
  expect(await slowLog.head(notes)).toBe(0)
  await clock.run(2)
  // Durable, and not answered yet: a crash now leaves a row that nobody was told of.
  expect(await slowLog.head(notes)).toBe(1)
  expect(events).toEqual([])
  await clock.run(10)
  await answered
  expect(events).toEqual(['announced 16', 'answered 16'])
  disk.crash()
  await expect(slowLog.append([a.write('y')])).rejects.toMatchObject({ code: 'closed' })
  const after = await open(disk)
  expect(await answers(after, ...a.ops)).toEqual(['1=', '2'])
})

test('[LOG-52] a group that became durable and failed all the same is rejected, and found later', async () => {
  let fails = false
  const sync: Sync = async (persist) => {
    persist()
    if (fails) throw new Error('the answer of the disk was lost')
  }
  const log = await open(new MemoryDisk(random), { sync })
  const a = new Writer(1)
  const op = a.write('x')
  fails = true
  await expect(log.append([op])).rejects.toMatchObject({
    code: 'storage-failed',
    cause: { message: 'the answer of the disk was lost' },
  })
  fails = false
  expect(await answers(log, op, a.write('y'))).toEqual(['1=', '2'])
})

test('[LOG-52] a disk that says yes without having done anything is not believed', async () => {
  let lies = false
  const sync: Sync = async (persist) => {
    if (!lies) persist()
  }
  const log = await open(new MemoryDisk(random), { sync })
  lies = true
  const op = new Writer(1).write('x')
  await expect(log.append([op])).rejects.toMatchObject({ code: 'storage-failed' })
  lies = false
  expect(await answers(log, op)).toEqual(['1'])
})

test('[LOG-51] an opening that cannot be written down is no opening', async () => {
  const disk = new MemoryDisk(random)
  await expect(open(disk, { sync: noDisk })).rejects.toMatchObject({ code: 'storage-failed' })
  const log = await open(disk)
  expect(await log.head(notes)).toBe(0)
})

test('[LOG-3] a listener that throws is reported, and the others hear of the group', async () => {
  const errors: LogFields[] = []
  const logger: Logger = {
    ...silentLogger,
    error: (_, fields = {}) => {
      errors.push(fields)
    },
  }
  const log = await open(new MemoryDisk(random), { logger })
  log.onCommit(() => {
    throw new Error('a listener of no use')
  })
  const commits = commitsOf(log)
  await commit(log, new Writer(1).write('x'))
  expect(commits).toHaveLength(1)
  expect(errors).toEqual([{ error: 'Error: a listener of no use' }])
})

const noDisk: Sync = async () => {
  throw new Error('no disk')
}

const random = new SeededRandom('memory log')

function open(
  disk: MemoryDisk,
  options: { sync?: Sync; clock?: VirtualClock; logger?: Logger } = {},
): Promise<Log> {
  return openMemoryLog({
    disk,
    random,
    clock: options.clock ?? new VirtualClock(),
    logger: options.logger ?? silentLogger,
    ...(options.sync && { sync: options.sync }),
  })
}
