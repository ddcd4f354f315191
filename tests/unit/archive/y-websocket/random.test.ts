import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { SeededRandom } from '@holdfast/peer/testing'
import { seedsFromEnvironment } from '../../../sim/seeds.js'
import { first, GivenBridge, notes, type TestClient } from './given-bridge.js'

const { runs, seed } = seedsFromEnvironment({ runs: 100, seed: 'y-schedules' })

test(`[YWS-1] in ${runs} random schedules of edits, slow sockets and broken connections all converge`, async () => {
  const sums = { edits: 0, reconnects: 0, fellBehind: 0 }
  for (let run = 0; run < runs; run++) {
    const own = run === 0 ? seed : `${seed}-${run}`
    try {
      await runOnce(own, sums)
    } catch (error) {
      throw new Error(`SEED=${own} RUNS=1: ${String(error)}`, { cause: error })
    }
  }
  // It did what it is there for.
  expect(sums.edits).toBeGreaterThan(runs * 20)
  expect(sums.reconnects).toBeGreaterThan(runs / 2)
  expect(sums.fellBehind).toBeGreaterThan(runs / 4)
})

async function runOnce(
  seed: string,
  sums: { edits: number; reconnects: number; fellBehind: number },
): Promise<void> {
  const random = new SeededRandom(seed)
  let isBusy = false
  const given = await GivenBridge.create({
    limits: {
      maxBufferedBytes: 150,
      maxPendingBytes: 400,
      messagesPerSecond: 200,
      messageBurst: 50,
    },
    // The disk takes its time, and answers come late.
    sync: async (persist) => {
      if (isBusy)
        await new Promise<void>((resolve) => void given.clock.after(random.below(40), resolve))
      persist()
    },
  })
  const clients = Array.from({ length: random.between(2, 4) }, (_, at) => {
    const doc = new Y.Doc()
    doc.clientID = at + 1
    return given.client({ doc })
  })
  await given.until(() => clients.every(({ isSynced }) => isSynced))
  isBusy = true

  for (let step = 0; step < 80; step++) {
    const client = random.pick(clients)
    switch (random.below(10)) {
      case 0:
        client.socket.isSlow = !client.socket.isSlow
        break
      case 1:
        client.socket.flush()
        break
      case 2:
        client.socket.hangUp()
        break
      case 3:
        if (client.socket.closed === undefined) break
        client.reconnect(given.socket())
        sums.reconnects++
        break
      case 4:
        await given.clock.run(random.below(200))
        break
      default:
        edit(client, random)
        sums.edits++
    }
  }

  for (const client of clients) {
    client.socket.isSlow = false
    client.socket.flush()
    if (client.socket.closed !== undefined) client.reconnect(given.socket())
  }
  await given.clock.run(10_000)
  isBusy = false
  const state = await given.log.state(notes, { id: first, generation: 0 })
  const stored = new Y.Doc()
  Y.applyUpdate(stored, state?.bytes ?? Uint8Array.of(0, 0))
  const expected = Y.encodeSnapshot(Y.snapshot(stored))
  expect(state?.parked ?? []).toEqual([])
  for (const { doc, socket } of clients) {
    expect(socket.closed).toBeUndefined()
    expect(doc.getText('body').toJSON()).toBe(stored.getText('body').toJSON())
    expect(Y.encodeSnapshot(Y.snapshot(doc))).toEqual(expected)
  }
  sums.fellBehind += given.bridge.counters.fellBehind
  await given.close()
}

function edit({ text }: TestClient, random: SeededRandom): void {
  if (text.length > 4 && random.chance(0.3)) text.delete(random.below(text.length - 2), 2)
  else text.insert(random.below(text.length + 1), 'x'.repeat(random.between(1, 30)))
}
