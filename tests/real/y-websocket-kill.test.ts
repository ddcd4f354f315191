import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import type { DocumentId } from '@holdfast/peer/protocol'
import { ArchivePeer } from './archive-peer.js'
import { until, YClient } from './archive-server.js'
import { binPath } from './tools/bin.js'

const document = { id: 'first' as DocumentId, generation: 0 }
const toClose: (() => unknown)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close()
})

test('[YWS-2] two y-websocket clients and a peer write one document through three kill -9', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-kill-'))
  toClose.push(() => rm(folder, { recursive: true, force: true }))
  let serving = await serve(folder, 0)
  const { port } = serving
  const clients = ['a', 'b'].map(() => new YClient(`ws://127.0.0.1:${port}/yjs`, 'notes/first', {}))
  toClose.push(() => clients.forEach((client) => client.destroy()))
  const [a, b] = clients as [YClient, YClient]
  await Promise.all(clients.map((client) => client.synced()))

  const committed: string[] = []
  let written = 0
  for (let kill = 0; kill < 3; kill++) {
    const peer = ArchivePeer.connect(port)
    await peer.hears('hello')
    const doc = new Y.Doc()
    const words: string[] = []
    for (let at = 0; at < 60; at++) {
      a.text.insert(0, `a${written} `)
      b.text.insert(b.text.length, `b${written} `)
      words.push(`p${written} `)
      peer.push(doc, document, (body) => body.insert(body.length, `p${written} `))
      written++
      // Some while it runs, the rest while it dies.
      if (at === 30) await until(() => resultsOf(peer) > 5)
      if (at === 50) serving.child.kill('SIGKILL')
    }
    await serving.ended
    // A peer was told of these, in the order of its words.
    committed.push(...words.slice(0, resultsOf(peer)))
    serving = await serve(folder, port)
    await until(() => a.provider.synced && b.provider.synced)
  }

  await until(() => a.words === b.words && a.words.includes(`b${written - 1} `))
  for (let at = 0; at < written; at++) {
    expect(a.words).toContain(`a${at} `)
    expect(a.words).toContain(`b${at} `)
  }
  expect(committed.length).toBeGreaterThan(15)
  for (const word of committed) expect(a.words).toContain(word)
  expect(Y.encodeSnapshot(Y.snapshot(a.doc))).toEqual(Y.encodeSnapshot(Y.snapshot(b.doc)))
  const fresh = new YClient(`ws://127.0.0.1:${port}/yjs`, 'notes/first', {})
  toClose.push(() => fresh.destroy())
  await fresh.synced()
  expect(fresh.words).toBe(a.words)
})

function resultsOf(peer: ArchivePeer): number {
  return peer.all('committed').reduce((sum, { results }) => sum + results.length, 0)
}

interface Serving {
  readonly child: ChildProcess
  readonly port: number
  readonly ended: Promise<unknown>
}

async function serve(folder: string, port: number): Promise<Serving> {
  const child = spawn(process.execPath, [binPath, 'serve', `--data=${folder}`, `--port=${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  toClose.push(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const taken = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { readonly port?: number }
      if (said.port !== undefined) resolve(said.port)
    })
    child.on('close', () => reject(new Error('it ended before it listened')))
  })
  return { child, port: taken, ended }
}
