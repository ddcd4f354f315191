/** What real clients bring back to an archive that lost some of it, and two that came of one store. */
import { mkdirSync, rmSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type * as Y from 'yjs'
import { makeBase } from './crash/base.js'
import { until } from './archive-server.js'
import { ArchiveMachine } from './clients/archive-machine.js'
import { missing, standingOf, WritingClient } from './clients/writing-client.js'

const base = makeBase()
/** Goal R5. */
const healedWithinMs = 30_000
const documents = ['one', 'two']
const clients: WritingClient[] = []
let folders = 0
let machine: ArchiveMachine

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await machine.remove()
  rmSync(base, { recursive: true, force: true })
})

async function begin(): Promise<void> {
  const folder = join(base, `${folders++}`)
  mkdirSync(folder, { recursive: true })
  machine = new ArchiveMachine(folder)
  await machine.start()
}

/** `store`: of an earlier client, whose edits have its name. */
async function open(
  name: string,
  kept: 'file' | 'memory' = 'memory',
  store = name,
): Promise<WritingClient> {
  const { server } = machine
  const file = kept === 'file' ? { file: fileOf(store) } : {}
  const client = await WritingClient.open({ name, server, documents, seed: 'heal', ...file })
  clients.push(client)
  return client
}

const fileOf = (name: string): string => join(machine.folder, `${name}.db`)

/** So many edits in each document; resolves when all are archived. */
async function write(client: WritingClient, edits: number): Promise<void> {
  await Promise.all(documents.flatMap((id) => Array.from({ length: edits }, () => client.edit(id))))
}

/**
 * How long it takes until all that was made before is in the archive again: judged by one that comes
 * new. What is made meanwhile is no part of it: who goes on writing is always some edits ahead.
 */
async function healed(writers: readonly WritingClient[]): Promise<number> {
  const startedMs = performance.now()
  const owed = writers.map(({ made }) => ({
    made: new Map([...made].map(([id, names]) => [id, [...names]])),
    archived: new Map<string, Set<string>>(),
  }))
  const fresh = await open(`fresh${clients.length}`)
  const seen = new Map(documents.map((id) => [id, fresh.ydoc(id)]))
  await until(() => missing(owed, seen, 'made').length === 0, 100_000)
  return performance.now() - startedMs
}

/** Nobody writes any more. */
async function converged(): Promise<void> {
  await Promise.all(clients.map((client) => client.settled()))
  await until(allEqual, 60_000)
}

/** A machine that has ten times the work that it can do takes ten times as long. */
function expectInTime(tookMs: number): void {
  const busy = Math.max(1, loadavg()[0] ?? 1) / availableParallelism()
  expect(tookMs / Math.max(1, busy)).toBeLessThan(healedWithinMs)
}

function allEqual(): boolean {
  return documents.every((id) => new Set(clients.map((client) => client.standing(id))).size === 1)
}

/** Nobody heals a disk that nobody serves. */
async function expectOnDisk(writers: readonly WritingClient[]): Promise<void> {
  await machine.stop()
  const onDisk = await machine.onDisk()
  expect(missing(writers, onDisk, 'made')).toEqual([])
  for (const id of documents) {
    const doc = onDisk.get(id)
    expect(doc && standingOf(doc)).toBe(clients[0]?.standing(id))
  }
}

test.each(['an old copy', 'an empty disk'] as const)(
  '[L26] [L48] [R5] [CLIENT-5] clients that go on writing have all of it back in an archive with %s within 30 s',
  async (disk) => {
    await begin()
    const writers = [await open('a', 'file'), await open('b'), await open('c', 'file')]
    const silent = await open('silent', 'file')
    await Promise.all([...writers, silent].map((client) => write(client, 10)))
    await machine.stop()
    await machine.copyTo('old')
    await machine.start()
    // In the copy's future: told that it is archived, so that nothing of it waits to be sent.
    await Promise.all([...writers, silent].map((client) => write(client, 10)))
    await Promise.all(clients.map((client) => client.settled()))
    const pending = clients.map(({ client }) => client.status.pending.saved)
    expect(pending).toEqual([0, 0, 0, 0])

    const stop = new AbortController()
    const editing = writers.map((client) => client.editUntil(stop.signal))
    await machine.kill()
    if (disk === 'an empty disk') await machine.empty()
    else await machine.putBack('old')
    const made = [...writers, silent].map((client) => client.edits)
    await machine.start()
    const tookMs = await healed([...writers, silent])
    console.info(`${disk}: ${made.join(' + ')} edits healed in ${Math.round(tookMs)} ms`)
    expectInTime(tookMs)
    stop.abort()
    await Promise.all(editing)
    await healed([...writers, silent])
    await converged()
    await expectOnDisk([...writers, silent])
    expect(clients.flatMap(({ errors }) => errors)).toEqual([])
  },
  300_000,
)

// Told that its edits are archived, it is gone before they come back in the log's stream.
test.each(['has gone on', 'stands where it stood'] as const)(
  '[L26] [L48] [R5] what only a client holds that was closed meanwhile comes back with it to a restored archive that %s',
  async (log) => {
    await begin()
    const [stays, leaves] = [await open('stays', 'file'), await open('leaves', 'file')]
    await write(stays, 5)
    await Promise.all(clients.map((client) => client.settled()))
    await machine.stop()
    await machine.copyTo('old')
    await machine.start()
    // It alone learns of these: who stays is away.
    stays.client.disconnect()
    await write(leaves, 15)
    await leaves.close()
    clients.splice(clients.indexOf(leaves), 1)
    await machine.kill()
    await machine.putBack('old')
    await machine.start()
    stays.client.connect()
    if (log === 'has gone on') await write(stays, 5)
    else await stays.settled()
    expect(missing([leaves], docsOf(stays)).length).toBe(30)

    await open('back', 'file', 'leaves')
    await healed([stays, leaves])
    await converged()
    await expectOnDisk([stays, leaves])
  },
  300_000,
)

test('[L11] [R5] a client and a clone of its store, both alive and both writing, converge with all that either made', async () => {
  await begin()
  const first = await open('first', 'file')
  await write(first, 5)
  // Of this the archive knows nothing: both will owe it, under the same ids.
  first.client.disconnect()
  const owed = documents.map((id) => first.edit(id).catch(() => {}))
  await first.client.flush()
  await first.close()
  clients.splice(0)
  await Promise.all(owed)
  await cp(fileOf('first'), fileOf('second'))
  const both = [await open('again', 'file', 'first'), await open('clone', 'file', 'second')]
  const [again, clone] = both as [WritingClient, WritingClient]
  for (let round = 0; round < 5; round++) await Promise.all(both.map((client) => write(client, 3)))
  await healed([first, again, clone])
  await converged()
  expect(again.client.replica).not.toBe(clone.client.replica)
  await machine.kill()
  await machine.start()
  await Promise.all(both.map((client) => write(client, 3)))
  await healed([first, again, clone])
  await converged()
  await expectOnDisk([first, again, clone])
}, 300_000)

function docsOf(client: WritingClient): ReadonlyMap<string, Y.Doc> {
  return new Map(documents.map((id) => [id, client.ydoc(id)]))
}
