import {
  ClientError,
  openMemoryDriver,
  type CollectionReplica,
  type Driver,
} from '@holdfast/client/testing'
import { readUpdate } from '@holdfast/peer/protocol'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { durableDriver, replicaWorld, taken } from './replica-world.js'

test('[REPLICA-17] the first edit is stored at once, and what follows as one op for each 20 ms', async () => {
  const { replica, world } = await opened('gathering')
  const ops: Uint8Array[] = []
  replica.documents.onOp((op) => op.kind === 'update' && ops.push(op.bytes))
  const open = await replica.open('note')
  const text = open.ydoc.getText('text')
  for (let key = 0; key < 100; key++) text.insert(key, 'x')
  await world.clock.run(1)
  expect(ops).toHaveLength(1)
  await world.clock.run(20)
  expect(ops).toHaveLength(2)
  text.insert(100, '!')
  await world.clock.run(60)
  expect(ops).toHaveLength(3)
  const other = new Y.Doc()
  for (const op of ops) Y.applyUpdate(other, op)
  expect(other.getText('text').toJSON()).toBe(text.toJSON())
})

test('[REPLICA-18] gathered edits are exactly what was edited, whatever it was', async () => {
  const { replica, world } = await opened('exact')
  const { random } = world
  const open = await replica.open('note')
  const doc = open.ydoc
  const copy = new Y.Doc()
  const other = new Y.Doc()
  other.clientID = 5
  replica.documents.onOp((op) => {
    if (op.kind !== 'update') return
    expect(readUpdate(op.bytes)).toMatchObject({ ok: true })
    Y.applyUpdate(copy, op.bytes)
  })
  // Editors edit when others do.
  doc.getArray('log').observe(() => {
    if (doc.getMap('seen').size < 30) doc.getMap('seen').set(String(doc.getArray('log').length), 1)
  })
  for (let edit = 0; edit < 600; edit++) {
    const text = doc.getText('text')
    const at = random.below(text.length + 1)
    const what = random.below(10)
    if (what < 3 && text.length > 4) text.delete(Math.min(at, text.length - 3), 3)
    else if (what === 3) text.format(0, Math.min(3, text.length), { bold: true })
    else if (what === 4) doc.getMap('map').set('key', new Y.Map([[`k${edit}`, edit]]))
    else if (what === 5) doc.getMap('map').delete('key')
    else text.insert(at, `w${edit} `)
    if (random.chance(0.1)) {
      Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
      other.getArray('log').push([edit])
      other.getText('text').insert(0, 'theirs ')
      const bytes = Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc))
      Y.applyUpdate(copy, bytes)
      const coverage = readUpdate(bytes)
      if (!coverage.ok) throw new Error('does not read')
      const document = open.document
      await replica.documents.receive([{ document, bytes, coverage: coverage.value }])
    }
    if (random.chance(0.3)) await world.clock.run(random.below(30))
  }
  await open.whenSaved()
  expect(copy.store.pendingStructs).toBeNull()
  expect(Y.encodeSnapshot(Y.snapshot(copy))).toEqual(Y.encodeSnapshot(Y.snapshot(doc)))
  expect(copy.getText('text').toDelta()).toEqual(doc.getText('text').toDelta())
  expect(copy.getMap('map').toJSON()).toEqual(doc.getMap('map').toJSON())
})

test('[L34] [REPLICA-19] closing stores what was edited, and nothing happens after it', async () => {
  const { replica, world, driver } = await opened('closing')
  const open = await replica.open('note')
  for (let key = 0; key < 10; key++) open.ydoc.getText('text').insert(key, 'x')
  const closing = replica.close()
  await expect(replica.open('other')).rejects.toMatchObject({ code: 'closed' })
  await closing
  expect(replica.close()).toBe(closing)
  expect(world.clock.pendingTasks).toBe(0)
  const again = await world.open(driver)
  expect((await again.open('note')).ydoc.getText('text').toJSON()).toBe('x'.repeat(10))
})

test('[L40] [I14] [REPLICA-20] a store that fails is told at once; nothing is called saved or spread, and all is stored when it works again', async () => {
  let failure: ClientError | undefined
  const inner = await openMemoryDriver()
  const driver = taken(inner, {
    transact: (statements, durability) =>
      failure === undefined ? inner.transact(statements, durability) : Promise.reject(failure),
  })
  const world = replicaWorld('failing')
  const replica = await world.open(driver)
  const told: string[] = []
  replica.onEvent((event) => told.push(event.kind))
  const spread: string[] = []
  replica.documents.onOp(({ kind }) => spread.push(kind))
  const open = await replica.open('note')
  failure = new ClientError('storage-full', 'as ordered')
  open.ydoc.getText('text').insert(0, 'kept in memory')
  await world.clock.run(1_000)
  expect(told.slice(0, 1)).toEqual(['failing'])
  expect(replica.failure?.code).toBe('storage-full')
  expect(open.state).toMatchObject({ safety: 'local', pending: { local: 1 } })
  expect(spread).toEqual([])
  failure = undefined
  await world.clock.run(12_000)
  expect(told.at(-1)).toBe('recovered')
  expect(replica.failure).toBeUndefined()
  expect(open.state.safety).toBe('saved')
  expect(spread).toEqual(['update'])
  failure = new ClientError('storage-failed', 'as ordered')
  open.ydoc.getText('text').insert(0, 'and then ')
  await expect(replica.close()).rejects.toMatchObject({ code: 'storage-failed' })
})

test('[REPLICA-21] a store that nothing outlives calls nothing saved', async () => {
  const world = replicaWorld('private')
  const replica = await world.open(await openMemoryDriver())
  const open = await replica.open('note')
  open.ydoc.getText('text').insert(0, 'x')
  await expect(open.whenSaved()).rejects.toMatchObject({ code: 'not-durable' })
  await world.clock.run(100)
  expect(open.state).toMatchObject({ safety: 'local', pending: { saved: 0 } })
})

test('[C3] [REPLICA-22] a collection of many documents starts and is compared without loading them, and what changed is what it costs', async () => {
  const { replica, world, driver } = await opened('many')
  const count = 300
  for (let at = 0; at < count; at++) {
    const open = await replica.open(`note ${at}`)
    open.ydoc.getText('text').insert(0, `text ${at}`)
    await open.close()
  }
  await replica.ledger.holdings(undefined, count)
  await replica.close()
  let reads = 0
  const counting = taken(driver, {
    query: (sql, parameters) => {
      if (sql.includes('FROM snapshots')) reads++
      return driver.query(sql, parameters)
    },
  })
  const again = await world.open(counting)
  expect(again.list()).toHaveLength(count)
  expect([...again.documents.list()].every(({ digest }) => digest !== undefined)).toBe(true)
  expect((await again.ledger.holdings(undefined, count)).documents).toHaveLength(count)
  expect(reads).toBe(0)
  expect(again.loadedCount).toBe(0)
  const open = await again.open('note 7')
  open.ydoc.getText('text').insert(0, 'changed ')
  await open.close()
  await again.ledger.holdings(undefined, count)
  expect(reads).toBe(2)
})

test('[REPLICA-23] a document is folded by itself, and what is folded is what was there, debts included', async () => {
  const { replica, world, driver } = await opened('folding')
  const open = await replica.open('note')
  for (let key = 0; key < 450; key++) {
    open.ydoc.getText('text').insert(key, 'x')
    await world.clock.run(25)
  }
  const rows = await driver.query('SELECT count(*) FROM updates')
  expect(Number(rows[0]?.[0])).toBeLessThan(200)
  const [ops] = await driver.query('SELECT count(*) FROM ops')
  expect(ops?.[0]).toBe(450)
  await replica.close()
  const again = await world.open(driver)
  expect((await again.open('note')).ydoc.getText('text').toJSON()).toBe('x'.repeat(450))
})

test('[L31] [REPLICA-24] an edit that is folded before it was stored is stored with its debt', async () => {
  const { replica, world, driver } = await opened('fold and debt')
  const open = await replica.open('note')
  open.ydoc.getText('text').insert(0, 'stored')
  await open.whenSaved()
  open.ydoc.getText('text').insert(0, 'still gathering ')
  await replica.ledger.compact(open.document)
  // As if the process ended here.
  const again = await world.open(driver)
  expect((await again.open('note')).ydoc.getText('text').toJSON()).toBe('still gathering stored')
  const { ops } = await again.ledger.owed('a'.repeat(32) as never, 0, 10, 10_000)
  const other = new Y.Doc()
  for (const op of ops) if (op.kind !== 'tombstone') Y.applyUpdate(other, op.bytes)
  expect(other.getText('text').toJSON()).toBe('still gathering stored')
})

test('[L12] [REPLICA-25] a document gets another clientID each time that it is loaded', async () => {
  const { replica } = await opened('names')
  const names = new Set<number>()
  for (let time = 0; time < 5; time++) {
    const open = await replica.open('note')
    open.ydoc.getText('text').insert(0, 'x')
    names.add(open.ydoc.clientID)
    await open.close()
  }
  expect(names.size).toBe(5)
})

test('[L41] [L42] [STORE-3] what the store gives in a shape that nobody expected is an error, never nothing', async () => {
  const { replica, world, driver } = await opened('shapes')
  const open = await replica.open('note')
  open.ydoc.getText('text').insert(0, 'x')
  await open.whenSaved()
  const strange = taken(driver, {
    query: async (sql, parameters) => {
      const rows = await driver.query(sql, parameters)
      return sql.includes('FROM documents WHERE') ? rows.map((row) => row.slice(1)) : rows
    },
  })
  await expect(world.open(strange)).rejects.toMatchObject({ code: 'store-damaged' })
})

async function opened(seed: string): Promise<{
  replica: CollectionReplica
  world: ReturnType<typeof replicaWorld>
  driver: Driver
}> {
  const world = replicaWorld(seed)
  const driver = await durableDriver()
  return { world, driver, replica: await world.open(driver) }
}

test('[REPLICA-1] an edit is saved at whatever moment it comes while the one before is being stored', async () => {
  const world = replicaWorld('moments')
  const replica = await world.open(await durableDriver())
  const [one, other] = [await replica.open('one'), await replica.open('other')]
  // Each turn of the engine's queue while a transaction ends is a moment of its own.
  for (let turns = 0; turns < 60; turns++) {
    one.ydoc.getText('body').insert(0, 'x')
    const first = one.whenSaved()
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    other.ydoc.getText('body').insert(0, 'y')
    await first
    let isSaved = false
    const second = other.whenSaved().then(() => (isSaved = true))
    await world.clock.runUntil(() => isSaved, { maxVirtualMs: 1_000 })
    await second
    expect([one.state.safety, other.state.safety]).toEqual(['saved', 'saved'])
    // Nothing is gathered when the next round begins.
    await world.clock.run(50)
  }
})
