/** Node clients with SQLite and WebRTC, a real signaller and a real archive. */
import type { Document } from '@holdfast/client'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { seedsFromEnvironment } from '../sim/seeds.js'
import { against, blocksOf } from '../documents/blocks.js'
import { until } from './archive-server.js'
import { ClientHost } from './client-host.js'
import { runCycles } from './run-cycles.js'

const root = resolve(import.meta.dirname, '../..')
const hosts: ClientHost[] = []

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.remove()
})

async function started(): Promise<ClientHost> {
  const host = await ClientHost.start()
  hosts.push(host)
  return host
}

const textOf = ({ ydoc }: Document): string => ydoc.getText('body').toJSON()

test('[CLIENT-4] [CLIENT-6] two devices converge by mesh and archive, see each other, and find all of it again', async () => {
  const host = await started()
  const [a, b] = [await host.client('a'), await host.client('b')]
  const [notesA, notesB] = [await a.collection('notes'), await b.collection('notes')]
  const [one, two] = [await notesA.open('note-1'), await notesB.open('note-1')]
  one.ydoc.getText('body').insert(0, 'hello')
  one.awareness.setLocalState({ name: 'Ada' })
  await one.whenArchived()
  expect(one.state.safety).toBe('archived')
  await until(() => textOf(two) === 'hello')
  await until(() => notesB.links.map(({ path }) => path).join() === 'websocket,webrtc')
  await two.whenSynced()
  await until(() => two.awareness.getStates().size === 2)
  expect(two.awareness.getStates().get(one.awareness.clientID)).toEqual({ name: 'Ada' })
  two.ydoc.getText('body').insert(0, 'x')
  await until(() => textOf(one) === 'xhello')
  await two.whenArchived()
  await a.close()
  await until(() => two.awareness.getStates().size === 1)
  const again = await (await (await host.client('a')).collection('notes')).open('note-1')
  expect(textOf(again)).toBe('xhello')
  expect(host.errors).toEqual([])
}, 60_000)

test.each(['mesh', 'archive'] as const)(
  '[CLIENT-4] two devices converge by %s alone',
  async (way) => {
    const host = await started()
    const only = way === 'mesh' ? { archive: false as const } : { signal: false as const }
    const [a, b] = [await host.client('a', only), await host.client('b', only)]
    const one = await (await a.collection('notes')).open('note-1')
    const two = await (await b.collection('notes')).open('note-1')
    one.ydoc.getText('body').insert(0, 'one ')
    two.ydoc.getText('body').insert(0, 'two ')
    await until(() => textOf(one).length === 8 && textOf(one) === textOf(two))
    await Promise.all([one.whenSynced(), two.whenSynced()])
    expect([a.status.reach, b.status.reach]).toEqual([way, way])
    expect(one.state.safety).toBe(way === 'mesh' ? 'saved' : 'archived')
  },
  60_000,
)

test('[L31] [L48] [CLIENT-4] edits saved without a network reach an archive that is there later, and restarted ones too', async () => {
  const host = await started()
  await host.stopServers()
  const a = await host.client('a')
  const notes = await a.collection('notes')
  const one = await notes.open('note-1')
  one.ydoc.getText('body').insert(0, 'offline ')
  await one.whenSaved()
  expect(one.state).toMatchObject({ safety: 'saved', pending: { saved: 1 } })
  await host.startServers()
  a.retryNow()
  await one.whenArchived()
  await host.stopServers()
  one.ydoc.getText('body').insert(0, 'while it was down ')
  await one.whenSaved()
  let isArchived = false
  const archived = one.whenArchived().then(() => (isArchived = true))
  await until(() => a.status.reach === 'offline')
  expect([isArchived, one.state.safety]).toEqual([false, 'saved'])
  await host.startServers()
  a.retryNow()
  await archived
  const late = await (await (await host.client('late')).collection('notes')).open('note-1')
  await late.whenSynced()
  expect(textOf(late)).toBe('while it was down offline ')
}, 60_000)

test('[CLIENT-17] a process killed after its edits were saved: none is lost, and the next one archives them', async () => {
  const host = await started()
  const { runs } = seedsFromEnvironment({ runs: 3, seed: 'client kills' })
  const saved: number[] = []
  for (let run = 0; run < runs; run++) {
    // An archive that is away, there, and going away in the middle.
    if (run % 3 === 0) await host.stopServers()
    const killed = killAfter(host.file('killed'), host.server, saved.length + 20 + run * 7)
    if (run % 3 === 2) await host.stopArchive()
    saved.push(...(await killed))
    if (run % 3 === 0) await host.startServers()
    if (run % 3 === 2) await host.startArchive()
  }
  const client = await host.client('killed')
  const document = await (await client.collection('notes')).open('killed')
  await document.whenArchived()
  const other = await (await (await host.client('other')).collection('notes')).open('killed')
  await other.whenSynced()
  const numbers = other.ydoc.getArray<number>('list').toArray()
  expect(saved.length).toBeGreaterThanOrEqual(20)
  expect(saved.filter((n) => !numbers.includes(n))).toEqual([])
  expect(new Set(numbers).size).toBe(numbers.length)
  console.info(`${runs} kills: ${saved.length} edits saved, 0 lost`)
}, 120_000)

test('[CLIENT-18] the example of the README runs in Node with the store that it names for it', async () => {
  const host = await started()
  const [example] = blocksOf('README.md')
  if (example === undefined) throw new Error('the README has no example of a client')
  expect(example.code).toContain("'@holdfast/client/browser'")
  const inNode = against(host.server, example)
    .replace(
      "{ browserStore } from '@holdfast/client/browser'",
      "{ nodeStore } from '@holdfast/client/node'",
    )
    .replace("browserStore('my-app')", "nodeStore('my-app.db')")
  const script = resolve(root, `tests/dist/readme-${process.pid}.mjs`)
  writeFileSync(script, `${inNode}\nawait client.close()\n`)
  try {
    const child = spawn(process.execPath, [script], { cwd: host.folder, stdio: 'inherit' })
    expect(await once(child, 'exit')).toEqual([0, null])
  } finally {
    rmSync(script)
  }
  const client = await host.client('reader')
  const document = await (await client.collection('notes')).open('note-1')
  await document.whenSynced()
  expect(textOf(document)).toBe('hello')
}, 60_000)

/** Kills a writer once so many numbers of the list are saved. Answers what it had saved. */
async function killAfter(
  file: string,
  server: string,
  through: number,
): Promise<readonly number[]> {
  const script = resolve(import.meta.dirname, '../dist/children/client-writer.js')
  const child = spawn(process.execPath, [script, file, server], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    if (said.split('\n').some((line) => Number(line) >= through)) child.kill('SIGKILL')
  })
  await once(child, 'close')
  const whole = said.slice(0, said.lastIndexOf('\n'))
  return whole.split('\n').map(Number)
}

/** A campaign says how many: `RUNS=1000`. */
const cycles = Number(process.env['RUNS'] ?? 10)

test(
  `[CLIENT-10] [K20] [R8] ${cycles} pairs of clients made, synced and closed leave no connection, descriptor, thread, handle or task`,
  async () => {
    const host = await started()
    const kept = await runCycles('client-cycles', host.server, host.folder, cycles)
    console.info(`kept after ${cycles} cycles: ${JSON.stringify(kept)}`)
    expect(kept).toMatchObject({ descriptors: 0, threads: 0 })
    // Fewer than before is something of the warm-up that was still ending.
    expect(kept.resources).toBeLessThanOrEqual(0)
    expect(kept.heapBytes).toBeLessThan(8 * 1_024 * 1_024)
    expect(kept.exitMs).toBeLessThan(2_000)
  },
  600_000 + cycles * 3_000,
)
