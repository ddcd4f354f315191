/** What things cost, in counts: `npm run bench -- client` says it in milliseconds. */
import type { Driver, Statement } from '@holdfast/client/testing'
import type { ArchiveId, DocumentId } from '@holdfast/peer/protocol'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { ClientWorld, type Device } from './client-world.js'
import { durableDriver, replicaWorld, taken } from './replica-world.js'

/** Against a machine that is busy with other things. */
const deadlineMs = 300_000

/** As people type: runs of letters, now and then a correction, now and then somewhere else. */
function type(text: Y.Text, from: number, count: number): void {
  let at = Math.min(text.length, (from * 7_919) % (text.length + 1))
  for (let key = from; key < from + count; key++) {
    if (key % 50 === 49) at = (key * 7_919) % (text.length + 1)
    if (key % 10 === 9 && at > 0) text.delete(--at, 1)
    else text.insert(at++, 'x')
  }
}

test(
  '[C2] a document that 10,000 updates came for is opened by one look into the store, of little more than its state',
  async () => {
    const world = replicaWorld('opening')
    const driver = await durableDriver()
    const replica = await world.open(driver)
    const author = new Y.Doc()
    const made: Uint8Array[] = []
    author.on('update', (update: Uint8Array) => made.push(update))
    type(author.getText('text'), 0, 10_000)
    expect(made).toHaveLength(10_000)
    const document = { id: 'note' as DocumentId, generation: 0 }
    for (let at = 0; at < made.length; at += 50) {
      await replica.ledger.receive(document, made.slice(at, at + 50))
      await world.clock.run(1)
    }
    await replica.close()
    let [looks, parts, bytes] = [0, 0, 0]
    const counting = taken(driver, {
      query: async (sql, parameters) => {
        const rows = await driver.query(sql, parameters)
        if (!sql.includes('FROM snapshots')) return rows
        looks++
        for (const row of rows) {
          parts++
          bytes += (row[1] as Uint8Array).byteLength
        }
        return rows
      },
    })
    const again = await world.open(counting)
    const { ydoc } = await again.open('note')
    expect(ydoc.getText('text').toJSON()).toBe(author.getText('text').toJSON())
    expect(looks).toBe(1)
    // The snapshot, and what may stand beside it before it is folded again.
    expect(parts).toBeLessThan(made.length / 10)
    expect(bytes).toBeLessThan(1.5 * Y.encodeStateAsUpdate(author).byteLength)
    await again.close()
  },
  deadlineMs,
)

test(
  '[C4] typing is one op and one transaction for each 20 ms, however many keystrokes that are, and stores little more than the text',
  async () => {
    const world = replicaWorld('typing')
    const driver = await durableDriver()
    const transactions: (readonly Statement[])[] = []
    const counting: Driver = taken(driver, {
      transact: (statements, durability) => {
        transactions.push(statements)
        return driver.transact(statements, durability)
      },
    })
    const replica = await world.open(counting)
    const open = await replica.open('note')
    const text = open.ydoc.getText('text')
    transactions.length = 0
    const [turns, keysEach] = [26, 1_000]
    for (let turn = 0; turn < turns; turn++) {
      type(text, turn * keysEach, keysEach)
      await world.clock.run(20)
    }
    await open.whenSaved()
    // The first keystroke waits for nothing, and the last for nobody.
    const { ops } = await replica.ledger.owed('a'.repeat(32) as ArchiveId, 0, 1_000, 100_000_000)
    expect(ops.length).toBeLessThanOrEqual(turns + 2)
    expect(transactions.length).toBeLessThanOrEqual(2 * (turns + 2))
    const stored = ops.reduce((sum, op) => sum + (op.kind === 'tombstone' ? 0 : op.bytes.length), 0)
    expect(stored).toBeLessThan(3 * Y.encodeStateAsUpdate(open.ydoc).byteLength)
    const copy = new Y.Doc()
    for (const op of ops) if (op.kind !== 'tombstone') Y.applyUpdate(copy, op.bytes)
    expect(copy.getText('text').toJSON()).toBe(text.toJSON())
    await replica.close()
  },
  deadlineMs,
)

/** A reader of a collection that is closed, and what it says and hears when it is back. */
async function cameBack(seed: string, documents: number, changed: number): Promise<number> {
  const world = new ClientWorld(seed)
  await world.archive.start()
  const [writer, reader] = [await world.device('archive'), await world.device('archive')]
  const write = async (at: number, words: string): Promise<void> => {
    const document = await world.settle(writer.notes.open(`note ${at}`))
    document.ydoc.getText('body').insert(0, words)
    await world.settle(document.close())
  }
  for (let at = 0; at < documents; at++) await write(at, `the text of note ${at}`)
  await world.settle(writer.notes.whenSynced())
  await world.settle(reader.notes.whenSynced())
  await world.settle(reader.client.close())
  reader.crash()
  for (let at = 0; at < changed; at++) await write(at, 'changed ')
  await world.settle(writer.notes.whenSynced())
  await reader.start()
  await world.settle(reader.notes.whenSynced())
  const bytes = bytesOf(reader)
  const listed = await world.settle(reader.notes.list())
  expect(listed).toHaveLength(documents)
  await world.settle(Promise.all([writer.client.close(), reader.client.close()]))
  return bytes
}

function bytesOf({ notes }: Device): number {
  return notes.links.reduce((sum, { sentBytes, receivedBytes }) => {
    return sum + sentBytes + receivedBytes
  }, 0)
}

test(
  '[C3] who comes back says and hears as much as has changed, whatever the collection holds',
  async () => {
    const [few, many] = [await cameBack('few', 20, 0), await cameBack('many', 200, 0)]
    expect(many).toBeLessThan(few + 50)
    const [one, ten] = [await cameBack('one', 200, 1), await cameBack('ten', 200, 10)]
    const each = one - many
    expect(each).toBeGreaterThan(0)
    expect(ten - many).toBeLessThan(12 * each)
    expect(ten - many).toBeGreaterThan(5 * each)
  },
  deadlineMs,
)

test(
  '[K10] what a page load, and an edit after it, cost on the wire does not grow with the page loads before',
  async () => {
    const world = new ClientWorld('page loads')
    await world.archive.start()
    const device = await world.device('archive')
    const cost = async (): Promise<number> => {
      await world.settle(device.client.close())
      device.crash()
      await device.start()
      const document = await world.settle(device.notes.open('note-1'))
      await world.settle(device.notes.whenSynced())
      document.ydoc.getText('body').insert(0, 'x')
      await world.settle(document.whenArchived())
      await world.settle(document.whenSynced())
      return bytesOf(device)
    }
    await cost()
    const early = await cost()
    for (let load = 0; load < 60; load++) await cost()
    const late = await cost()
    const { ydoc } = await world.settle(device.notes.open('note-1'))
    expect(Y.encodeStateVector(ydoc).byteLength).toBeGreaterThan(60 * 5)
    expect(late).toBeLessThan(early + 50)
    await world.settle(device.client.close())
  },
  deadlineMs,
)
