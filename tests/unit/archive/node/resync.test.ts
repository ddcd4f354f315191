import { describe, expect, test } from 'vitest'
import { digestOf } from '@holdfast/peer'
import { MemoryDisk } from '@holdfast/archive/testing'
import { messageBounds, type DocumentId, type Held, type MessageOf } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { compactNow } from '../../../contract/log/build.js'
import { Writing } from './edits.js'
import { givenNode, notes, type GivenNode } from './given-node.js'
import { document, type ScriptedClient } from './scripted-client.js'

const note = document('note-1')

describe('a document with a gap', () => {
  test('[NODE-85] [K13] its updates are put together by the log, as the answer needs them', async () => {
    const given = await givenNode()
    const writing = new Writing(1)
    const [first, second, third] = ['a', 'b', 'c'].map((letter) => writing.insert(letter))
    const [author, peer] = [await given.proven(), await given.proven()]
    author.push(note, first as Uint8Array, third as Uint8Array)
    await author.hears('committed')
    const forms: unknown[] = []
    const state = given.log.state.bind(given.log)
    given.log.state = (collection, ref, stateVector, form) => {
      forms.push(form)
      return state(collection, ref, stateVector, form)
    }
    const stateVector = Uint8Array.of(0)
    peer.say({ type: 'state', request: 1, document: note, stateVector, inReturn: true })
    const whole = await peer.hears('update')
    const what = { by: 'difference' as const, document: note, stateVector }
    peer.say({ type: 'fetch', request: 2, what })
    const { content } = await peer.hears('fetched')
    expect(forms).toEqual([{ maxParked: 0 }, { maxParked: messageBounds.maxParked }])
    if (content.kind !== 'difference') throw new Error(content.kind)
    for (const updates of [[whole.bytes], [content.bytes, ...content.parked]]) {
      const doc = new Y.Doc()
      for (const bytes of [...updates, second as Uint8Array]) Y.applyUpdate(doc, bytes)
      expect(doc.getText('body').toJSON()).toBe(writing.doc.getText('body').toJSON())
    }
    await given.close()
  })

  test('[NODE-85] [L19] a snapshot with more beside it than a message takes is asked for, and comes with it as one', async () => {
    const given = await givenNode({ policy: { gapAgeMs: 1 } })
    const writing = new Writing(1)
    const edits = Array.from({ length: messageBounds.maxParked + 3 }, () => writing.insert('x'))
    const [missing, ...rest] = [edits[1], edits[0], ...edits.slice(2)] as Uint8Array[]
    await given.log.append(
      rest.map((bytes) => ({ collection: notes, document: note, kind: 'upload', bytes })),
    )
    await given.world.clock.run(10)
    await compactNow(given.log, note)
    const peer = await given.proven()
    peer.subscribe(1)
    await given.until(() => peer.entries().length > 0)
    const [entry] = peer.entries()
    expect(entry?.kind).toBe('large-snapshot')
    peer.say({ type: 'fetch', request: 2, what: { by: 'seq', seq: entry?.seq ?? 0 } })
    const { content } = await peer.hears('fetched')
    if (content.kind !== 'snapshot') throw new Error(content.kind)
    expect(content.parked).toHaveLength(1)
    const doc = new Y.Doc()
    for (const bytes of [content.bytes, ...content.parked, missing as Uint8Array]) {
      Y.applyUpdate(doc, bytes)
    }
    expect(doc.getText('body').toJSON()).toHaveLength(messageBounds.maxParked + 3)
    await given.close()
  })
})

describe('both directions', () => {
  test('[L44] what differs is asked for by the archive and answered to the peer', async () => {
    const given = await givenNode()
    const archived = new Writing(1)
    const [author, peer] = [await given.proven(), await given.proven()]
    author.push(note, archived.insert('from the archive '))
    await author.hears('committed')
    const own = new Writing(2)
    own.insert('from the peer')
    tell(peer, 1, [{ document: note, digest: digestOf(own.doc) }])
    const state = await peer.hears('state')
    expect(state).toMatchObject({ document: note, digest: digestOf(archived.doc), inReturn: false })
    expect(await peer.hears('compared')).toEqual({ type: 'compared', request: 1, differing: 1 })
    // The peer gives what the archive lacks, and takes what it lacks itself.
    const bytes = Y.encodeStateAsUpdate(own.doc, state.stateVector)
    peer.say({ type: 'push', ops: [{ kind: 'upload', op: peer.op(), document: note, bytes }] })
    await peer.hears('committed')
    const stateVector = Y.encodeStateVector(own.doc)
    peer.say({ type: 'state', request: 5, document: note, stateVector, inReturn: true })
    const update = await peer.hears('update')
    expect(update.cause).toEqual({ kind: 'state', request: 5 })
    Y.applyUpdate(own.doc, update.bytes)
    tell(peer, 2, [{ document: note, digest: digestOf(own.doc) }])
    expect(await peer.hears('compared')).toEqual({ type: 'compared', request: 2, differing: 0 })
    await given.close()
  })

  test('[L26] after resynced the stream goes on from H, with what came meanwhile', async () => {
    const given = await givenNode()
    const writing = new Writing(1)
    const [author, peer] = [await given.proven(), await given.proven()]
    author.push(note, writing.insert('a'), writing.insert('b'))
    await author.hears('committed')
    peer.subscribe(1, { archive: given.log.archive, term: '9'.repeat(32) as never, seq: 700 })
    expect(await peer.hears('subscribed')).toMatchObject({ outcome: 'unknown-term', head: 2 })
    author.push(note, writing.insert('c'))
    await author.hears('committed')
    peer.say({ type: 'resynced', subscription: 1, seq: 3 })
    expect(await peer.hears('error')).toMatchObject({ code: 'unexpected-message', request: 1 })
    expect(peer.entries()).toEqual([])
    peer.say({ type: 'resynced', subscription: 1, seq: 2 })
    await given.until(() => peer.entries().length === 1)
    expect(peer.entries()[0]).toMatchObject({ seq: 3 })
    peer.ack(1, 3)
    await given.world.clock.run(1_500)
    expect(await given.log.leases.list(notes)).toMatchObject([{ ack: 3 }])
    await given.close()
  })

  test('[L48] a new archive gets by comparing what only a peer has', async () => {
    const given = await givenNode()
    const own = new Writing(2)
    own.insert('kept here alone')
    await given.restart(new MemoryDisk(given.world.random.fork('new disk')))
    const peer = await given.proven()
    peer.subscribe(1)
    expect(await peer.hears('subscribed')).toMatchObject({ outcome: 'head', head: 0 })
    tell(peer, 1, [{ document: note, digest: digestOf(own.doc) }])
    expect(await peer.hears('state')).toMatchObject({
      document: note,
      stateVector: Uint8Array.of(0),
    })
    await given.close()
  })

  test('[K8] cursor 0 streams and never resyncs', async () => {
    const given = await givenNode()
    const [author, peer] = [await given.proven(), await given.proven()]
    author.push(note, new Writing(1).insert('a'))
    await author.hears('committed')
    peer.subscribe(1)
    expect(await peer.hears('subscribed')).toMatchObject({ outcome: 'behind' })
    await peer.hears('changes')
    expect(given.node.stats().resyncs).toBe(0)
    await given.close()
  })

  test('[NODE-80] the digest of a document is that of its integrated state, deletions included', async () => {
    const given = await givenNode()
    const author = await given.proven()
    const writing = new Writing(1)
    const map = writing.doc.getMap<Y.Map<number>>('m')
    const updates: Uint8Array[] = []
    writing.doc.on('update', (update: Uint8Array) => updates.push(update))
    const inner = new Y.Map<number>()
    map.set('inner', inner)
    inner.set('a', 1)
    writing.insert('hello')
    writing.doc.getText('body').delete(1, 2)
    map.delete('inner')
    author.push(note, ...updates)
    await author.hears('committed')
    tell(author, 1, [{ document: note, digest: digestOf(writing.doc) }])
    expect(await author.hears('compared')).toMatchObject({ differing: 0 })
    await given.close()
  })
})

describe('many documents', () => {
  test('[K9] a tree of digests: where all is equal one node is compared, else its way down', async () => {
    const given = await givenNode()
    const author = await given.proven()
    for (let at = 0; at < 300; at++) {
      author.push(document(`doc-${at}`), new Writing(at + 1).insert('a'))
    }
    await given.until(
      () => author.all('committed').flatMap(({ results }) => results).length === 300,
    )
    // The archive's own word about the root is what an equal peer would say.
    author.say({
      type: 'summary',
      request: 1,
      by: { kind: 'tree', nodes: [{ under: '', digest: 'e'.repeat(64) as never }] },
    })
    const answer = await author.hears('summary')
    expect(answer.by.kind).toBe('tree')
    expect(await author.hears('compared')).toMatchObject({ differing: 1 })
    const nodes = answer.by.kind === 'tree' ? answer.by.nodes : []
    expect(nodes).toHaveLength(16)
    author.say({ type: 'summary', request: 2, by: { kind: 'tree', nodes } })
    expect(await author.hears('compared')).toMatchObject({ request: 2, differing: 0 })
    const wrong = nodes.map((node, at) =>
      at === 3 ? { ...node, digest: 'f'.repeat(64) as never } : node,
    )
    author.say({ type: 'summary', request: 3, by: { kind: 'tree', nodes: wrong } })
    const page = await author.hears('summary')
    expect(page.by).toMatchObject({ kind: 'page', under: '3' })
    expect(page.by.kind === 'page' && page.by.documents.length).toBeLessThan(80)
    await given.close()
  })

  test('[NODE-81] what a peer has never heard of is told in pages of everything below', async () => {
    const given = await givenNode()
    const author = await given.proven()
    for (let at = 0; at < 50; at++)
      author.push(document(`doc-${at}`), new Writing(at + 1).insert('a'))
    await given.until(() => author.all('committed').flatMap(({ results }) => results).length === 50)
    tell(author, 1, [])
    const told = await author.hears('summary')
    expect(told.by.kind === 'page' && told.by.documents.length).toBe(50)
    expect(await author.hears('compared')).toMatchObject({ differing: 50 })
    await given.close()
  })
})

describe('who may do what', () => {
  test('[NODE-82] a reader is asked for nothing: it is told what differs, and may offer', async () => {
    const given = await givenReaders()
    const reader = await given.proven()
    const own = new Writing(5)
    own.insert('mine')
    tell(reader, 1, [{ document: note, digest: digestOf(own.doc) }])
    expect(await reader.hears('summary')).toMatchObject({ by: { documents: [{ document: note }] } })
    await reader.hears('compared')
    expect(reader.all('state')).toEqual([])
    const upload = (): void => {
      const bytes = Y.encodeStateAsUpdate(own.doc)
      reader.say({
        type: 'push',
        ops: [{ kind: 'upload', op: reader.op(), document: note, bytes }],
      })
    }
    upload()
    expect((await reader.hears('refused')).results).toMatchObject([{ code: 'forbidden' }])
    reader.say({ type: 'offer', documents: [{ document: note, bytes: 20 }] })
    await given.until(() => given.node.offers(notes).length === 1)
    expect(given.node.acceptOffer(notes, reader.instance, document('other'))).toBe(false)
    expect(given.node.acceptOffer(notes, reader.instance, note)).toBe(true)
    expect(await reader.hears('state')).toMatchObject({ document: note })
    upload()
    expect((await reader.hears('committed')).results).toMatchObject([{ outcome: 'stored' }])
    await given.close()
  })

  test('[NODE-83] a deletion that only a writer knows of is made good; a reader cannot', async () => {
    const given = await givenNode()
    const author = await given.proven()
    author.push(note, new Writing(1).insert('a'))
    await author.hears('committed')
    tell(author, 1, [{ document: { ...note, generation: 1 } }])
    await author.hears('compared')
    expect(await given.log.latest(notes, 'note-1' as DocumentId)).toMatchObject({ deleted: true })
    await given.close()
    const readers = await givenReaders()
    const reader = await readers.proven()
    tell(reader, 1, [{ document: { ...note, generation: 1 } }])
    expect(await reader.hears('summary')).toMatchObject({ by: { documents: [{ document: note }] } })
    expect(await readers.log.latest(notes, 'note-1' as DocumentId)).toMatchObject({
      deleted: false,
    })
    await readers.close()
  })

  test('[NODE-84] a peer that does not know of a deletion is told its generation, and gets nothing of it', async () => {
    const given = await givenNode()
    const [author, peer] = [await given.proven(), await given.proven()]
    const writing = new Writing(1)
    author.push(note, writing.insert('secret'))
    author.say({ type: 'push', ops: [{ kind: 'tombstone', op: author.op(), document: note }] })
    await given.until(() => author.all('committed').flatMap(({ results }) => results).length === 2)
    tell(peer, 1, [{ document: note, digest: digestOf(writing.doc) }])
    const told: MessageOf<'summary'> = await peer.hears('summary')
    expect(told.by).toMatchObject({ documents: [{ document: { ...note, generation: 1 } }] })
    peer.say({
      type: 'state',
      request: 3,
      document: note,
      stateVector: Uint8Array.of(0),
      inReturn: false,
    })
    expect(await peer.hears('error')).toMatchObject({ code: 'document-deleted', request: 3 })
    await given.close()
  })
})

function tell(client: ScriptedClient, request: number, documents: readonly Held[]): void {
  client.say({ type: 'summary', request, by: { kind: 'page', under: '', documents } })
}

/** A node for readers alone, whose log holds one edit of `note`. */
async function givenReaders(): Promise<GivenNode> {
  const given = await givenNode({ openAccess: 'read' })
  const bytes = new Writing(1).insert('archived')
  await given.log.append([{ collection: notes, document: note, kind: 'upload', bytes }])
  return given
}
