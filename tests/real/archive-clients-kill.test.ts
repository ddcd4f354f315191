/** Real clients on real sockets, and an archive in a process of its own that is killed under them. */
import { SeededRandom } from '@holdfast/peer/testing'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as passes } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { seedsFromEnvironment } from '../sim/seeds.js'
import { until } from './archive-server.js'
import { makeBase } from './crash/base.js'
import { ArchiveMachine } from './clients/archive-machine.js'
import { missing, standingOf, WritingClient } from './clients/writing-client.js'

const base = makeBase()
const machines: ArchiveMachine[] = []
const clients: WritingClient[] = []
afterAll(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  for (const machine of machines.splice(0)) await machine.remove()
  rmSync(base, { recursive: true, force: true })
})

const { seed, runs } = seedsFromEnvironment({ runs: 5, seed: 'client load' })
/** No campaign: nobody waits out the pauses of clients, which grow with failure after failure. */
const isShort = runs <= 5
const documents = ['one', 'two', 'three']
/** Then a new archive and new clients come, and documents are small again. */
const killsOfOneLife = 10
/** Ripe after some rounds of typing, so that the archive compacts while it is killed. */
const compactsOften = ['log.ripeRows=100', 'compaction.wakeAfterCommitMs=50']

test(
  '[R2] [CLIENT-4] [CLIENT-5] an archive killed under 16 clients that write: what any was told is archived is on the disk that is left, and all converge',
  { timeout: 60_000 + runs * 60_000 },
  async () => {
    const random = new SeededRandom(seed)
    const tally = { kills: 0, made: 0, archived: 0, toldOfTheDead: 0, compactions: 0, worstMs: 0 }
    for (let life = 0; tally.kills < runs; life++) {
      const name = `${seed}.${life}`
      const machine = await begin(name)
      for (let kill = 0; kill < killsOfOneLife && tally.kills < runs; kill++) {
        const stop = new AbortController()
        const editing = clients.map((client) => client.editUntil(stop.signal))
        // Now and then in the middle of everybody's return.
        await passes(random.below(4) === 0 ? random.below(150) : random.between(300, 900))
        if (kill % 3 === 2) tally.compactions += await compactionsOf(machine)
        await machine.kill()
        tally.kills++
        const onDisk = await machine.onDisk()
        // Whatever was still in sockets has been told by now, and only the dead can have said it.
        expect(missing(clients, onDisk), `SEED=${seed}, ${name}.${kill}`).toEqual([])
        tally.toldOfTheDead = count(clients, 'archived')
        await machine.start()
        const startedMs = performance.now()
        // After so many failures in a row pauses are long: some are told that the network is back.
        for (const { client } of clients) if (random.below(4) > 0 || isShort) client.retryNow()
        await passes(random.below(400))
        stop.abort()
        await Promise.all(editing)
        await Promise.all(clients.map((client) => client.settled()))
        await until(() => documents.every((id) => allEqual(id)))
        tally.worstMs = Math.max(tally.worstMs, performance.now() - startedMs)
      }
      tally.made += count(clients, 'made')
      tally.archived += count(clients, 'archived')
      await end(machine, name)
    }
    console.info(`SEED=${seed}: ${JSON.stringify(tally)}`)
    expect(tally.archived).toBe(tally.made)
    expect(tally.made).toBeGreaterThan(runs * 16)
  },
)

/** Half of the clients with a file, half in memory. */
async function begin(name: string): Promise<ArchiveMachine> {
  const folder = join(base, name)
  mkdirSync(folder)
  const machine = new ArchiveMachine(
    folder,
    compactsOften.flatMap((limit) => ['--limit', limit]),
  )
  machines.push(machine)
  await machine.start()
  for (let at = 0; at < 16; at++) {
    const file = at % 2 === 0 ? { file: join(folder, `client-${at}.db`) } : {}
    const { server } = machine
    clients.push(
      await WritingClient.open({ name: `c${at}`, server, documents, seed: name, ...file }),
    )
  }
  return machine
}

/** One that comes new holds all that was ever made, and so does the disk. */
async function end(machine: ArchiveMachine, name: string): Promise<void> {
  const fresh = await WritingClient.open({
    name: 'fresh',
    server: machine.server,
    documents,
    seed: name,
  })
  await fresh.settled()
  const seen = new Map(documents.map((id) => [id, fresh.ydoc(id)]))
  expect(missing(clients, seen, 'made'), `SEED=${seed}, ${name}`).toEqual([])
  for (const id of documents) expect(fresh.standing(id)).toBe(clients[0]?.standing(id))
  expect(clients.flatMap(({ errors }) => errors)).toEqual([])
  await fresh.close()
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await machine.stop()
  const onDisk = await machine.onDisk()
  for (const id of documents) {
    expect(standingOf(onDisk.get(id) ?? fail(id))).toBe(standingOf(seen.get(id) ?? fail(id)))
  }
  machines.splice(machines.indexOf(machine), 1)
  await machine.remove()
}

function allEqual(id: string): boolean {
  const lengths = new Set(clients.map((client) => client.ydoc(id).getArray('list').length))
  return lengths.size === 1 && new Set(clients.map((client) => client.standing(id))).size === 1
}

function count(all: readonly WritingClient[], what: 'made' | 'archived'): number {
  return all
    .flatMap((client) => [...client[what].values()].map((names) => [...names].length))
    .reduce((sum, one) => sum + one, 0)
}

async function compactionsOf(machine: ArchiveMachine): Promise<number> {
  return (await machine.metric('holdfast_archive_compactions_total')) || 0
}

function fail(id: string): never {
  throw new Error(`there is no ${id}`)
}
