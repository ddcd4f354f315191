/** An archive behind no address of its own, reached through a real signaller by real WebRTC. */
import { createArchive } from '@holdfast/archive'
import { createClient, type Client } from '@holdfast/client'
import { nodeStore } from '@holdfast/client/node'
import { silentLogger } from '@holdfast/peer/ports'
import { createSignalServer } from '@holdfast/signal'
import wrtc from '@roamhq/wrtc'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { until } from './archive-server.js'

const opened: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
})

test(
  '[ROOMS-2] [ROOMS-3] [ROOMS-5] [SRV-5] a client that knows a signaller alone has its edits archived over WebRTC by an archive that was told of no collection, and reads them back from there',
  { timeout: 90_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-rooms-'))
    opened.push(() => rmSync(folder, { recursive: true, force: true }))
    const signaller = await createSignalServer({ port: 0, logger: silentLogger })
    opened.push(() => signaller.close())
    const signal = `ws://127.0.0.1:${signaller.port}/signal`
    const archive = await createArchive({
      folder: join(folder, 'archive'),
      port: 0,
      logger: silentLogger,
      signal: { urls: [signal] },
    })
    opened.push(() => archive.close())
    const client = async (name: string): Promise<Client> => {
      const store = nodeStore(join(folder, `${name}.db`))
      const one = await createClient({ store, signal, rtc: wrtc, logger: silentLogger })
      opened.push(() => one.close())
      return one
    }

    const one = await client('one')
    const notes = await one.collection('notes')
    const note = await notes.open('note-1')
    note.ydoc.getText('body').insert(0, 'hello')
    await until(() => notes.status.archives[0]?.state === 'live', 30_000)
    note.ydoc.getText('body').insert(5, ' world')
    await note.whenArchived()
    expect(note.state.safety).toBe('archived')
    expect(notes.links.map(({ kind, path }) => `${kind} ${path}`)).toEqual(['archive webrtc'])
    await until(() => archive.rooms?.links === 1)
    await one.close()
    await until(() => archive.rooms?.links === 0)

    // Nobody but the archive has it now.
    const two = await client('two')
    const read = await (await two.collection('notes')).open('note-1')
    await until(() => read.ydoc.getText('body').toJSON() === 'hello world', 30_000)

    expect(archive.rooms).toMatchObject({ calling: 1, rooms: 1, joined: 1 })
    const figures = await archive.metrics()
    for (const line of ['signallers_calling 1', 'rooms_joined 1', 'room_links 1']) {
      expect(figures).toContain(`\nholdfast_archive_${line}\n`)
    }

    // With the archive in it alone, the room is one without anybody: nobody is called there anew.
    await two.close()
    await until(() => archive.rooms?.links === 0)
    await until(() => signaller.counters.members === 1)
    expect(signaller.counters.rooms).toBe(1)
  },
)
