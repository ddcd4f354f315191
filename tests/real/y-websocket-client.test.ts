/** Unmodified y-websocket clients and a client of Holdfast at one document of one archive. */
import { createClient } from '@holdfast/client'
import { nodeStore } from '@holdfast/client/node'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type * as Y from 'yjs'
import { until, YClient } from './archive-server.js'
import { makeBase } from './crash/base.js'
import { ArchiveMachine } from './clients/archive-machine.js'
import { standingOf } from './clients/writing-client.js'

const base = makeBase()
const toClose: (() => unknown)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close()
  rmSync(base, { recursive: true, force: true })
})

test('[YWS-2] [YWS-7] [CLIENT-4] two y-websocket clients and a client of Holdfast edit one document through a restart and a kill of the archive', async () => {
  mkdirSync(base, { recursive: true })
  const machine = new ArchiveMachine(base)
  toClose.push(() => machine.remove())
  await machine.start()
  const [a, b] = [yClient(machine), yClient(machine)]
  const client = await createClient({
    store: nodeStore(join(base, 'client.db')),
    server: machine.server,
    signal: false,
  })
  toClose.push(() => client.close())
  const document = await (await client.collection('notes')).open('first')
  const docs = [a.doc, b.doc, document.ydoc]
  const words: string[] = []
  /** All three at once: each at its own place. */
  const edit = (): void => {
    docs.forEach((doc, at) => {
      const word = `${'abc'[at]}${words.length} `
      const text = doc.getText('text')
      text.insert(at === 0 ? 0 : text.length, word)
      words.push(word)
    })
  }
  const converge = async (): Promise<void> => {
    await until(() => docs.every((doc) => words.every((word) => textOf(doc).includes(word))))
    await document.whenArchived()
    await until(() => new Set(docs.map(standingOf)).size === 1)
  }

  for (let at = 0; at < 20; at++) edit()
  await converge()
  for (const end of ['stop', 'kill'] as const) {
    for (let at = 0; at < 10; at++) edit()
    const ending = machine[end]()
    // While it goes, and while it is away.
    for (let at = 0; at < 10; at++) edit()
    await ending
    for (let at = 0; at < 10; at++) edit()
    await document.whenSaved()
    expect(document.state.safety).toBe('saved')
    await machine.start()
    await converge()
    edit()
    await converge()
  }

  const fresh = yClient(machine)
  await fresh.synced()
  await until(() => standingOf(fresh.doc) === standingOf(a.doc))
  await machine.stop()
  const left = (await machine.onDisk()).get('first')
  expect(left && standingOf(left)).toBe(standingOf(a.doc))
}, 120_000)

function yClient({ server }: ArchiveMachine): YClient {
  const client = new YClient(`${server}/yjs`, 'notes/first', {})
  toClose.push(() => client.destroy())
  return client
}

function textOf(doc: Y.Doc): string {
  return doc.getText('text').toJSON()
}
