/* All clients of one measurement, told what to do over IPC (`client-process.ts`). */
import { setTimeout as sleep } from 'node:timers/promises'
import * as Y from 'yjs'
import { SeededRandom } from '@holdfast/peer/testing'
import { quantile } from '../report.js'
import { ArchiveClient } from './archive-client.js'
import type { BenchClient } from './bench-client.js'
import { ingest, startIngest } from './client-ingest.js'
import { fill, missAll, receiveRows } from './client-missing.js'
import type { ClientCommands, Spread } from './client-process.js'
import { connectsAtOnce, join } from './clients.js'
import { answerCommands } from './commands.js'
import type { ServerKind } from './server-process.js'

const clients: BenchClient[] = []

/** Whatever has not come by then does not come. */
const giveUpAfterMs = 20_000

const commands: ClientCommands = {
  cpuMs() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  },

  async join(kind, url, count, document) {
    for (let left = count; left > 0; left -= connectsAtOnce) {
      const some = Array.from({ length: Math.min(left, connectsAtOnce) }, () =>
        join(kind, { url, document }),
      )
      clients.push(...(await Promise.all(some)))
    }
  },

  leave() {
    for (const client of clients.splice(0)) client.leave()
  },

  async spread(edits, everyMs, letters) {
    const [writer, ...readers] = clients
    if (writer === undefined) throw new Error('nobody is there')
    return spread(writer, readers, edits, everyMs, letters)
  },

  async joinSlowly(url, bytesPerSecond) {
    const client = await ArchiveClient.join({ url, document: 'note' })
    client.slowDown(bytesPerSecond)
  },

  async egress(edits, isDelivered) {
    const [author, ...others] = clients.filter((client) => client instanceof ArchiveClient)
    const last = others.at(-1)
    if (author === undefined || last === undefined) throw new Error('nobody is there')
    author.reach(isDelivered ? others.map(({ instance }) => instance) : [])
    const before = last.bytes.received
    const { arrivals, expected } = await spread(author, others, edits, 20)
    if (arrivals < expected) throw new Error(`${arrivals} of ${expected} arrived`)
    return (last.bytes.received - before) / edits
  },

  typeKeystrokes,

  async open(url, rounds, document) {
    const tookMs: number[] = []
    for (let round = 0; round < rounds; round++) {
      const startMs = performance.now()
      const client = await ArchiveClient.join({ url, document, keepsStates: true })
      if (client.text.length === 0) throw new Error('an empty document was opened')
      tookMs.push(performance.now() - startMs)
      client.leave()
    }
    return quantile(tookMs, 0.5)
  },

  fill,

  async catchUp(kind, url, rows, rounds) {
    const tookMs: number[] = []
    for (let round = 0; round < rounds; round++) {
      const startMs = performance.now()
      const arrived = await (kind === 'rows' ? receiveRows(url, rows) : missAll(url))
      tookMs.push(performance.now() - startMs)
      if (arrived !== rows) throw new Error(`${arrived} of ${rows} rows arrived`)
    }
    return quantile(tookMs, 0.5)
  },

  startIngest,

  ingest,

  async upload(kind, url, bytes, document) {
    await upload(kind, url, bytes, document)
  },

  async storm(kind, url, count, document) {
    const startMs = performance.now()
    let arrived = 0
    const opened = await Promise.allSettled(
      Array.from({ length: count }, async () => {
        const client = await join(kind, { url, document })
        arrived++
        // Its memory is for the next: only the server is measured.
        client.leave()
      }),
    )
    const failed = opened.find((one) => one.status === 'rejected')
    if (failed !== undefined) console.error(String(failed.reason))
    return { tookMs: performance.now() - startMs, arrived }
  },

  async reconnect() {
    const all = clients.filter((client) => client instanceof ArchiveClient)
    for (const client of all) client.cut()
    await sleep(2_000)
    const startMs = performance.now()
    const outcomes = await Promise.all(all.map((client) => client.connect()))
    const tookMs = performance.now() - startMs
    const bytes = all.map((client) => client.bytes)
    const mean = (pick: (one: { sent: number; received: number }) => number): number =>
      bytes.reduce((sum, one) => sum + pick(one), 0) / bytes.length
    return {
      tookMs,
      atHead: outcomes.filter((outcome) => outcome === 'head').length,
      sentBytes: mean(({ sent }) => sent),
      receivedBytes: mean(({ received }) => received),
    }
  },
}

async function spread(
  writer: BenchClient,
  readers: readonly BenchClient[],
  edits: number,
  everyMs: number,
  letters?: number,
): Promise<Spread> {
  const sentAtMs: number[] = []
  const tookMs: number[] = []
  const expected = edits * readers.length
  let arrivals = 0
  const { promise: all, resolve: done } = deferred()
  for (const reader of readers) {
    let next = 0
    reader.onArrived = (count) => {
      const nowMs = performance.now()
      for (let at = 0; at < count; at++) {
        const sent = sentAtMs[next++]
        if (sent !== undefined) tookMs.push(nowMs - sent)
      }
      arrivals += count
      if (arrivals >= expected) done()
    }
  }
  let dueMs = performance.now()
  for (let at = 0; at < edits; at++) {
    sentAtMs.push(performance.now())
    writer.edit(letters)
    dueMs += everyMs
    await sleep(Math.max(0, dueMs - performance.now()))
  }
  await Promise.race([all, sleep(giveUpAfterMs)])
  return {
    arrivals,
    expected,
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: (() => void) | undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve: () => resolve?.() }
}

async function upload(kind: ServerKind, url: string, bytes: number, document: string) {
  const doc = new Y.Doc()
  const pastes: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => pastes.push(update))
  const random = new SeededRandom('storm')
  for (let made = 0; made < bytes; made += pasteBytes) {
    const letters = Array.from(random.bytes(pasteBytes), (byte) =>
      String.fromCharCode(97 + (byte % 26)),
    )
    doc.getText('text').insert(0, letters.join(''))
  }
  const client = await join(kind, { url, document, isAnswered: true })
  let answered = 0
  const done = new Promise<void>((resolve) => {
    client.onAnswered = (count) => {
      answered += count
      if (answered >= pastes.length) resolve()
    }
  })
  for (const paste of pastes) {
    if (client instanceof ArchiveClient) await client.room(paste.length)
    client.push(paste)
    await sleep(0)
  }
  await Promise.race([done, sleep(giveUpAfterMs)])
  if (answered < pastes.length) throw new Error(`uploaded ${answered} of ${pastes.length} pastes`)
  // It stays: y-websocket's server, when it has to load a document first, answers as if it were empty.
  clients.push(client)
}

/** At places that are mostly where the last one was, as people type. */
async function typeKeystrokes(url: string, keystrokes: number, document: string): Promise<number> {
  const doc = new Y.Doc()
  const typed: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => typed.push(update))
  const random = new SeededRandom(document)
  const text = doc.getText('text')
  let at = 0
  for (let key = 0; key < keystrokes; key++) {
    if (random.uint32() % 50 === 0) at = random.uint32() % (text.length + 1)
    text.insert(at++, 'k')
  }
  const client = await ArchiveClient.join({ url, document })
  let answered = 0
  const { promise, resolve } = deferred()
  const inFlight = 1_024
  let next = 0
  const push = (): void => {
    // The channel takes a mebibyte, and the archive so many ops of one session.
    while (next < typed.length && next - answered < inFlight) {
      client.push(typed[next++] as Uint8Array)
    }
  }
  client.onAnswered = (count) => {
    answered += count
    if (answered === typed.length) resolve()
    else push()
  }
  push()
  await promise
  await client.settle()
  client.leave()
  const state = Y.encodeStateAsUpdate(doc)
  const startMs = performance.now()
  Y.applyUpdate(new Y.Doc(), state)
  return performance.now() - startMs
}

const pasteBytes = 256 * 1_024

answerCommands(commands, 'ready')
