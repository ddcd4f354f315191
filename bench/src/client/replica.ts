import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openNodeDriver } from '@holdfast/client/node'
import { CollectionReplica, openStore, type Driver } from '@holdfast/client/testing'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer'
import { hexOf, type CollectionName, type InstanceId } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { median, type Figure } from '../report.js'

/** C2: opening a document that had 10,000 updates, beside one `Y.applyUpdate` of its state. */
export async function measureOpening(): Promise<readonly Figure[]> {
  const ratios: number[] = []
  let told = ''
  for (let round = 0; round < 5; round++) {
    await inFreshFile(async (driver) => {
      const state = await typeInto(driver, 10_000, 1)
      const { opening, applying } = await openBeside(driver, state)
      ratios.push(opening / applying)
      told = `${opening.toFixed(1)} ms beside ${applying.toFixed(1)} ms`
    })
  }
  const ratio = median(ratios)
  return [
    {
      id: 'C2',
      what: 'open a document after 10,000 updates, better-sqlite3',
      figure: `${ratio.toFixed(2)} ×`,
      beside: `one Y.applyUpdate of its state: ${told}`,
      goal: '≤ 1.5 ×',
      met: ratio <= 1.5,
    },
  ]
}

/** C3: start with 10,000 documents, and comparing when one of them has changed. */
export async function measureMany(): Promise<readonly Figure[]> {
  const count = 10_000
  return inFreshFile(async (driver) => {
    const filling = await openReplica(driver)
    for (let at = 0; at < count; at++) {
      const open = await filling.open(`note ${at}`)
      open.ydoc.getText('text').insert(0, `the text of note ${at}`)
      await open.close()
    }
    await filling.ledger.holdings(undefined, count)
    await filling.close()
    let reads = 0
    const counting: Driver = {
      kind: driver.kind,
      isDurable: driver.isDurable,
      transact: (statements, durability) => driver.transact(statements, durability),
      query: (sql, parameters) => {
        if (sql.includes('FROM snapshots')) reads++
        return driver.query(sql, parameters)
      },
      size: () => driver.size(),
      onEvent: (listener) => driver.onEvent(listener),
      close: () => driver.close(),
    }
    const begunMs = performance.now()
    const replica = await openReplica(counting)
    const startMs = performance.now() - begunMs
    const readAtStart = reads
    const open = await replica.open('note 77')
    open.ydoc.getText('text').insert(0, 'changed ')
    await open.close()
    reads = 0
    await replica.ledger.holdings(undefined, count)
    await replica.close()
    return [
      {
        id: 'C3',
        what: 'start a collection of 10,000 documents; compare it when one has changed',
        figure: `${readAtStart} and ${reads} documents read`,
        beside: `start in ${startMs.toFixed(0)} ms`,
        goal: '0, and as many as changed',
        met: readAtStart === 0 && reads === 1,
      },
    ]
  })
}

/** C4: typing 260,000 keystrokes through the replica, beside the bare Y.Doc. */
export async function measureTyping(): Promise<readonly Figure[]> {
  const ratios: number[] = []
  let told = ''
  for (let round = 0; round < 3; round++) {
    const bareMs = await typing(new Y.Doc().getText('text'), keystrokes)
    const throughMs = await inFreshFile(async (driver) => {
      const replica = await openReplica(driver)
      const open = await replica.open('note')
      const begunMs = performance.now()
      await typing(open.ydoc.getText('text'), keystrokes)
      await open.whenSaved()
      const tookMs = performance.now() - begunMs
      await replica.close()
      return tookMs
    })
    ratios.push(throughMs / bareMs)
    told = `${throughMs.toFixed(0)} ms beside ${bareMs.toFixed(0)} ms`
  }
  const ratio = median(ratios)
  return [
    {
      id: 'C4',
      what: 'type 260,000 keystrokes through the replica until all is saved, better-sqlite3',
      figure: `${ratio.toFixed(2)} ×`,
      beside: `the bare Y.Doc: ${told}`,
      goal: '≤ 2 ×',
      met: ratio <= 2,
    },
  ]
}

const keystrokes = 260_000

/** As people type: runs of letters, now and then a correction, now and then somewhere else. */
async function typing(text: Y.Text, count: number): Promise<number> {
  const begunMs = performance.now()
  let at = 0
  for (let key = 0; key < count; key++) {
    if (key % 50 === 49) at = (key * 7_919) % (text.length + 1)
    if (key % 10 === 9 && at > 0) text.delete(--at, 1)
    else text.insert(at++, 'x')
    if (key % 1_000 === 999) await turn()
  }
  return performance.now() - begunMs
}

/** Edits that each become an update of their own; gives the state that they end in. */
async function typeInto(driver: Driver, updates: number, keysEach: number): Promise<Uint8Array> {
  const replica = await openReplica(driver)
  const author = new Y.Doc()
  const made: Uint8Array[] = []
  author.on('update', (update: Uint8Array) => made.push(update))
  await typing(author.getText('text'), updates * keysEach)
  const document = { id: 'note' as never, generation: 0 }
  for (const bytes of made) await replica.ledger.receive(document, [bytes])
  await turn()
  await replica.close()
  return Y.encodeStateAsUpdate(author)
}

async function openBeside(
  driver: Driver,
  state: Uint8Array,
): Promise<{ readonly opening: number; readonly applying: number }> {
  const replica = await openReplica(driver)
  const begunMs = performance.now()
  await replica.open('note')
  const openedMs = performance.now()
  Y.applyUpdate(new Y.Doc(), state)
  const appliedMs = performance.now()
  await replica.close()
  return { opening: openedMs - begunMs, applying: appliedMs - openedMs }
}

async function openReplica(driver: Driver): Promise<CollectionReplica> {
  const store = await openStore(driver, systemRandom)
  return CollectionReplica.open({
    store: await store.collection('bench' as CollectionName),
    instance: hexOf(systemRandom.bytes(16)) as InstanceId,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    expectsArchive: true,
  })
}

async function inFreshFile<T>(work: (driver: Driver) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const driver = await openNodeDriver({ file: join(folder, 'store.sqlite') })
  try {
    return await work(driver)
  } finally {
    await driver.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
