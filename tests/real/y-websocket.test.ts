import { afterEach, describe, expect, test } from 'vitest'
import * as encoding from 'lib0/encoding'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import * as syncProtocol from 'y-protocols/sync'
import * as Y from 'yjs'
import { createTokenVerifier, mintToken } from '@holdfast/signal'
import { systemClock } from '@holdfast/peer/ports'
import { parseCollectionName, parseDocumentId, type Access } from '@holdfast/peer/protocol'
import { ArchiveServer, until, type YClient } from './archive-server.js'

let server: ArchiveServer | undefined

afterEach(async () => {
  await server?.remove()
  server = undefined
})

const secret = 'a secret of thirty-two bytes or more'

function nameOf<T>(parsed: { ok: true; value: T } | { ok: false }): T {
  if (!parsed.ok) throw new Error('a name of this test is none')
  return parsed.value
}
/** Of Chromium, for each message that is larger. */
const fragmentBytes = 128 * 1024
const notes = nameOf(parseCollectionName('notes'))
const first = nameOf(parseDocumentId('first'))

async function tokenFor(access: Record<string, Access>, expiresInMs = 3_600_000): Promise<string> {
  return mintToken({ secret, access, expiresInMs }, systemClock)
}

async function withTokens(): Promise<ArchiveServer> {
  return ArchiveServer.start({ tokens: await createTokenVerifier({ secret }, systemClock) })
}

async function agree(...clients: readonly YClient[]): Promise<string> {
  const [one] = clients
  await until(() => clients.every((client) => client.words === one?.words && client.words !== ''))
  return one?.words ?? ''
}

describe('unmodified y-websocket clients', () => {
  test('[YWS-1] two write one document at once and converge', async () => {
    server = await ArchiveServer.start()
    const a = await server.client('notes/first').synced()
    const b = await server.client('notes/first').synced()
    for (let at = 0; at < 50; at++) {
      a.text.insert(a.text.length, 'a')
      b.text.insert(0, 'b')
      if (at % 10 === 0) b.text.delete(0, 1)
    }
    await until(() => a.words.length === 95 && b.words.length === 95)
    expect(a.words).toBe(b.words)
    expect(Y.encodeSnapshot(Y.snapshot(a.doc))).toEqual(Y.encodeSnapshot(Y.snapshot(b.doc)))
  })

  test('[YWS-16] a large document comes in as a browser sends it, in fragments of 128 KiB', async () => {
    server = await ArchiveServer.start()
    const doc = new Y.Doc()
    doc.getText('body').insert(0, 'x'.repeat(12_000_000))
    const encoder = encoding.createEncoder()
    syncProtocol.writeUpdate(encoder, Y.encodeStateAsUpdate(doc))
    const message = encoding.toUint8Array(encoder)
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/yjs/notes/first`)
    await once(socket, 'open')
    let closed: number | undefined
    socket.on('close', (code) => (closed = code))
    const type = Uint8Array.of(0)
    socket.send(type, { binary: true, fin: false })
    for (let at = 0; at < message.length; at += fragmentBytes) {
      const isLast = at + fragmentBytes >= message.length
      socket.send(message.subarray(at, at + fragmentBytes), { fin: isLast })
    }
    const archive = server.archive
    await until(async () => closed !== undefined || (await archive.log.head(notes)) === 1)
    expect(closed).toBeUndefined()
    socket.terminate()
  })

  test('[YWS-2] what one wrote is there after a restart, for the one who wrote and for strangers', async () => {
    server = await ArchiveServer.start()
    const a = await server.client('notes/first').synced()
    a.text.insert(0, 'kept')
    await until(async () => (await server?.archive.log.head(notes)) === 1)
    await server.stop()
    a.text.insert(4, ' and written while it was away')
    await server.open()
    const b = await server.client('notes/first').synced()
    expect(await agree(a, b)).toBe('kept and written while it was away')
  })

  test('[YWS-2] a document of 8 MiB goes up in one piece and comes down in one', async () => {
    server = await ArchiveServer.start()
    const a = await server.client('notes/large').synced()
    const megabyte = 'x'.repeat(2 ** 20)
    a.doc.transact(() => {
      for (let at = 0; at < 8; at++) a.text.insert(0, megabyte)
    })
    await until(async () => (await server?.archive.log.head(notes)) === 1)
    const b = await server.client('notes/large').synced()
    expect(b.words.length).toBe(8 * 2 ** 20)
    b.text.insert(0, 'one letter more')
    await until(() => a.words.startsWith('one letter more'))
    expect(a.words).toBe(b.words)
  })

  test('[YWS-3] one segment names a document of the collection default; names are decoded', async () => {
    server = await ArchiveServer.start()
    const short = await server.client('caf%C3%A9').synced()
    const long = await server.client('default/caf%C3%A9').synced()
    short.text.insert(0, 'the same')
    expect(await agree(short, long)).toBe('the same')
    const page = await server.archive.log.documents({
      collection: nameOf(parseCollectionName('default')),
      limit: 10,
    })
    expect(page.documents.map(({ document }) => document.id)).toEqual(['café'])
  })

  test('[YWS-3] a path that names no document is refused for good', async () => {
    server = await ArchiveServer.start()
    for (const room of ['', 'notes/', '%', `notes/${'x'.repeat(300)}`, '%00']) {
      const client = server.client(room)
      await until(() => client.isGoneForGood)
      expect(client.closed).toEqual([4401])
    }
  })

  test('[YWS-4] presence goes to everybody, to newcomers, and ends with its socket', async () => {
    server = await ArchiveServer.start()
    const a = await server.client('notes/first').synced()
    a.provider.awareness.setLocalState({ name: 'ada' })
    const b = await server.client('notes/first').synced()
    await until(() => namesSeenBy(b).includes('ada'))
    b.provider.awareness.setLocalState({ name: 'bob' })
    await until(() => namesSeenBy(a).includes('bob'))
    // Without a word: nobody says that they go.
    b.provider.ws?.close()
    b.provider.shouldConnect = false
    await until(() => !namesSeenBy(a).includes('bob'))
    expect(namesSeenBy(a)).toEqual(['ada'])
  })

  test('[YWS-4] what a client tells comes back to it, as a sign of life', async () => {
    server = await ArchiveServer.start()
    const a = await server.client('notes/first').synced()
    const before = a.provider.wsLastMessageReceived
    await until(() => Date.now() > before)
    a.provider.awareness.setLocalState({ cursor: 1 })
    await until(() => a.provider.wsLastMessageReceived > before)
    expect(a.closed).toEqual([])
  })

  test('[YWS-5] who may only read reads, is told of it, and writes nothing', async () => {
    server = await withTokens()
    const writer = await server
      .client('notes/first', { token: await tokenFor({ notes: 'write' }) })
      .synced()
    const reader = await server
      .client('notes/first', { token: await tokenFor({ '*': 'read' }) })
      .synced()
    writer.text.insert(0, 'for all')
    expect(await agree(writer, reader)).toBe('for all')
    reader.text.insert(0, 'not ')
    await until(async () => {
      const refused = await server?.metric(
        'holdfast_archive_refusals_total{at="y-websocket",code="forbidden"}',
      )
      return refused === 1
    })
    writer.text.insert(7, ', still')
    await until(() => reader.words === 'not for all, still')
    expect(writer.words).toBe('for all, still')
    expect(reader.closed).toEqual([])
    expect(await server.archive.log.head(notes)).toBe(2)
  })

  test('[YWS-6] without a good token a client is told to stay away; after the end of one, to come back', async () => {
    server = await withTokens()
    const none = server.client('notes/first')
    const forged = server.client('notes/first', { token: `${await tokenFor({ '*': 'write' })}x` })
    const elsewhere = server.client('notes/first', { token: await tokenFor({ drafts: 'write' }) })
    await until(() => [none, forged, elsewhere].every((client) => client.isGoneForGood))
    expect([none.closed, forged.closed, elsewhere.closed]).toEqual([[4420], [4420], [4422]])
    const brief = await server
      .client('notes/first', { token: await tokenFor({ '*': 'write' }, 1_000) })
      .synced()
    await until(() => brief.closed.includes(4521))
    expect(brief.isGoneForGood).toBe(false)
    brief.provider.params = { token: await tokenFor({ '*': 'write' }) }
    await brief.synced()
  })

  test('[L54] a deleted document is not brought back by a client that still holds it', async () => {
    server = await ArchiveServer.start()
    const a = await server.client('notes/first').synced()
    a.text.insert(0, 'to be deleted')
    await until(async () => (await server?.archive.log.head(notes)) === 1)
    const away = new Y.Doc()
    Y.applyUpdate(away, Y.encodeStateAsUpdate(a.doc))
    await server.archive.log.delete(notes, { id: first, generation: 0 })
    await until(() => a.isGoneForGood)
    expect(a.closed).toEqual([4437])

    away.getText('body').insert(0, 'late: ')
    const late = server.client('notes/first', { doc: away })
    await until(() => late.isGoneForGood)
    expect(late.closed).toEqual([4437])

    const fresh = await server.client('notes/first').synced()
    expect(fresh.words).toBe('')
    fresh.text.insert(0, 'its second life')
    const other = await server.client('notes/first').synced()
    expect(await agree(fresh, other)).toBe('its second life')
    expect((await server.archive.log.latest(notes, first))?.document.generation).toBe(1)
  })
})

/** Who shows a name, in a client's eyes. */
function namesSeenBy(client: YClient): readonly unknown[] {
  return [...client.provider.awareness.getStates().values()]
    .map((state) => (state as { readonly name?: unknown }).name)
    .filter((name) => name !== undefined)
}
