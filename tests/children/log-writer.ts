/*
 * An archive's log under load, until it is killed: several writers edit several documents at once, a
 * compactor makes them small meanwhile. What the log has promised goes to descriptor 3 at once, a
 * line each, so that nothing that was promised is forgotten with this process.
 *
 *     node log-writer.js FILE SEED threads|inline
 *
 * What it tells is in told.ts. With `threads` the log works as in production; with `inline` it is
 * open in half the time, and what happens to the file is the same.
 *
 * Under the disk that forgets (HOLDFAST_DISK) an acknowledgement also tells how many fsyncs had
 * returned when the op was handed over, and when it was answered.
 */
import {
  buildSnapshot,
  createCompactor,
  createWorkerBuilder,
  openSqliteLog,
  type AppendOp,
  type Log,
  type SnapshotBuilder,
} from '@holdfast/archive'
import { inlineHosts } from '@holdfast/archive/testing'
import {
  hexOf,
  parseCollectionName,
  parseDocumentId,
  parseInstanceId,
  type CollectionName,
  type DocumentRef,
  type Parsed,
} from '@holdfast/peer/protocol'
import { consoleLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { SeededRandom } from '@holdfast/peer/testing'
import { createHash } from 'node:crypto'
import { openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import * as Y from 'yjs'
import type { Told } from './told.js'

const [file = '', seed = '', hosts = ''] = process.argv.slice(2)
const random = new SeededRandom(seed)
const syncs = syncCounter()

const log = await openSqliteLog({
  file,
  clock: systemClock,
  random: systemRandom,
  logger: { ...consoleLogger, info: () => {} },
  ...(hosts === 'inline' && { hosts: inlineHosts() }),
})
log.onCommit(({ entries }) => {
  const byCollection = new Map<string, [number, string, string][]>()
  for (const { collection, entry } of entries) {
    const list = byCollection.get(collection) ?? []
    const hash = entry.kind === 'row' ? hashOf(entry.bytes) : 'tombstone'
    list.push([entry.seq, entry.document.id, hash])
    byCollection.set(collection, list)
  }
  for (const [collection, list] of byCollection)
    tell({ kind: 'durable', collection, entries: list })
})
tell({ kind: 'ready', term: log.term })

const instance = valid(parseInstanceId(hexOf(systemRandom.bytes(16))))
let lastN = 0
const desks = await Promise.all(
  ['notes', 'tasks'].flatMap((collection) =>
    ['one', 'two', 'three'].map((id) => deskFor(log, collection, id)),
  ),
)
for (let writer = 0; writer < 12; writer++) void write(random.fork(`writer ${writer}`))
void compact(random.fork('compactor'))

/** A document as this process edits it. */
interface Desk {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly ydoc: Y.Doc
  /** What the last edit came to. */
  latest: Uint8Array
}

async function deskFor(log: Log, name: string, id: string): Promise<Desk> {
  const collection = valid(parseCollectionName(name))
  const document = { id: valid(parseDocumentId(id)), generation: 0 }
  const ydoc = new Y.Doc({ gc: true })
  const stored = await log.state(collection, document)
  if (stored !== undefined) Y.applyUpdate(ydoc, stored.bytes)
  const desk: Desk = { collection, document, ydoc, latest: new Uint8Array() }
  ydoc.on('update', (bytes: Uint8Array) => {
    desk.latest = bytes
  })
  return desk
}

async function write(random: SeededRandom): Promise<never> {
  for (;;) {
    const sent = Array.from({ length: 1 + random.below(4) }, () =>
      nextOp(random.pick(desks), random),
    )
    // An acknowledgement that got lost on the way: the same again, together with the first.
    if (random.chance(0.1)) sent.push(...sent.slice(0, 1))
    // As between two messages of a network: others have their turn.
    await turn()
    const before = syncs()
    const outcomes = await log.append(sent)
    const after = syncs()
    outcomes.forEach((outcome, at) => {
      const { collection, document, bytes } = sent[at] as AppendOp
      if (outcome.status === 'refused') {
        throw new Error(`refused: ${outcome.refusal.code} ${outcome.refusal.detail}`)
      }
      const { seq, added, gapped } = outcome
      if (gapped) throw new Error('gapped')
      tell({
        kind: 'acknowledged',
        collection,
        document: document.id,
        seq,
        added,
        syncs: [before, after],
        bytes: Buffer.from(bytes).toString('base64'),
      })
    })
  }
}

function nextOp({ collection, document, ydoc }: Desk, random: SeededRandom): AppendOp {
  const desk = desks.find((one) => one.ydoc === ydoc) as Desk
  ydoc.transact(() => edit(ydoc, random))
  const bytes = desk.latest
  return random.chance(0.1)
    ? { collection, document, kind: 'upload', bytes }
    : { collection, document, kind: 'live', id: { instance, n: ++lastN }, bytes }
}

function edit(ydoc: Y.Doc, random: SeededRandom): void {
  const text = ydoc.getText('text')
  if (text.length > 200 || (text.length > 20 && random.chance(0.3))) {
    text.delete(random.below(text.length - 10), 1 + random.below(10))
  } else if (random.chance(0.2)) {
    ydoc.getMap('map').set(`key ${random.below(10)}`, random.uint32())
  } else {
    text.insert(random.below(text.length + 1), `${random.uint32().toString(36)} `)
  }
}

async function compact(random: SeededRandom): Promise<never> {
  const builder = hosts === 'inline' ? inlineBuilder() : createWorkerBuilder({ clock: systemClock })
  const compactor = createCompactor({ log, builder, clock: systemClock, logger: consoleLogger })
  for (;;) {
    await turn()
    const { collection, document } = random.pick(desks)
    const report = await compactor.compact(collection, document)
    if (report.status === 'failed') throw new Error(report.reason)
    if (report.status === 'compacted') tell({ kind: 'compacted', removed: report.removed })
  }
}

/** Ready before the writers have told much. */
function inlineBuilder(): SnapshotBuilder {
  return { build: async (source) => buildSnapshot(source), close: async () => {} }
}

function tell(told: Told): void {
  writeSync(3, `${JSON.stringify(told)}\n`)
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

/** How many fsyncs have returned; always 0 on a disk that does not count them. */
function syncCounter(): () => number {
  const disk = process.env['HOLDFAST_DISK']
  if (disk === undefined) return () => 0
  const counter = openSync(join(disk, 'count'), 'r')
  const word = Buffer.alloc(8)
  return () => {
    readSync(counter, word, 0, 8, 0)
    return Number(word.readBigUInt64LE())
  }
}

function valid<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.refusal.detail)
  return parsed.value
}
