import { buildSnapshot, packRows, unpackRows, type BuildSource } from '@holdfast/archive'
import { contains, readUpdate, type Coverage } from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { randomHistory } from '../peer/update/history.js'

const runs = Number(process.env['RUNS'] ?? 60)
const firstSeed = Number(process.env['SEED'] ?? 1)

test('[COMPACT-1] [L1] [L20] a snapshot of random histories contains every row and nothing is pending', () => {
  let built = 0
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const random = new SeededRandom(seed)
    const { edits } = randomHistory(random, { writers: 3, steps: 60 })
    const half = random.below(edits.length + 1)
    const first = expectBuilt(seed, { ...noRows, rows: rowsOf(edits.slice(0, half)) })
    const whole = expectBuilt(seed, {
      previous: { seq: half, bytes: first.bytes },
      rows: packRows([
        ...unpackRows(first.parked),
        ...unpackRows(rowsOf(edits.slice(half), half + 1)),
      ]),
      parked: packRows([]),
    })
    const expected = new Y.Doc()
    for (const edit of edits) Y.applyUpdate(expected, edit)
    const actual = new Y.Doc()
    Y.applyUpdate(actual, whole.bytes)
    expect(actual.store.pendingStructs, `SEED=${seed}`).toBeNull()
    expect(snapshotOf(actual), `SEED=${seed}`).toEqual(snapshotOf(expected))
    for (const edit of edits) {
      expect(contains(whole.coverage, coverageOf(edit)), `SEED=${seed}`).toBe(true)
    }
    expect(Y.encodeStateVector(actual), `SEED=${seed}`).toEqual(whole.stateVector)
    built += edits.length
  }
  expect(built).toBeGreaterThan(runs * 20)
})

test('[COMPACT-2] [L19] [K23] rows with a gap stay beside the snapshot byte for byte', () => {
  let stranded = 0
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const random = new SeededRandom(seed)
    const { edits } = randomHistory(random, { writers: 3, steps: 40 })
    const missing = random.below(edits.length)
    const rows = edits
      .map((bytes, at) => ({ seq: at + 1, bytes }))
      .filter((_, at) => at !== missing)
    const built = expectBuilt(seed, { ...noRows, rows: packRows(rows) })
    const parked = [...unpackRows(built.parked)]
    stranded += parked.length
    for (const row of parked) expect(row.bytes).toEqual(edits[row.seq - 1])
    const within = new Y.Doc()
    Y.applyUpdate(within, built.bytes)
    expect(within.store.pendingStructs, `SEED=${seed}`).toBeNull()
    expect(within.store.pendingDs, `SEED=${seed}`).toBeNull()

    // When the missing one turns up, snapshot and parked rows are everything that there was.
    const all = new Y.Doc()
    const healed = Y.mergeUpdates([
      built.bytes,
      ...parked.map((row) => row.bytes),
      edits[missing] as Uint8Array,
    ])
    Y.applyUpdate(all, healed)
    const expected = new Y.Doc()
    for (const edit of edits) Y.applyUpdate(expected, edit)
    expect(snapshotOf(all), `SEED=${seed}`).toEqual(snapshotOf(expected))
  }
  expect(stranded).toBeGreaterThan(0)
})

test('[COMPACT-3] [L22] a row that does not read is named by its seq', () => {
  const { edits } = randomHistory(new SeededRandom(7), { writers: 2, steps: 20 })
  const bad = new Uint8Array([1, 1, 1, 0, 255, 255])
  const rows = packRows([...unpackRows(rowsOf(edits)), { seq: 999, bytes: bad }])
  expect(buildSnapshot({ ...noRows, rows })).toMatchObject({ status: 'bad-row', seq: 999 })
})

test('[COMPACT-1] what is pending in the previous snapshot is no snapshot to build on', () => {
  const doc = new Y.Doc()
  const edits: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => edits.push(update))
  doc.getText('t').insert(0, 'a')
  doc.getText('t').insert(1, 'b')
  const source = {
    ...noRows,
    previous: { seq: 1, bytes: edits[1] as Uint8Array },
  }
  expect(buildSnapshot(source)).toMatchObject({ status: 'unproven' })
})

test('[COMPACT-1] an empty document has an empty snapshot', () => {
  const built = expectBuilt(0, noRows)
  expect([...built.bytes]).toEqual([0, 0])
})

const noRows: BuildSource = { rows: packRows([]), parked: packRows([]) }

function rowsOf(updates: readonly Uint8Array[], firstSeq = 1) {
  return packRows(updates.map((bytes, at) => ({ seq: firstSeq + at, bytes })))
}

function expectBuilt(seed: number, source: BuildSource) {
  const result = buildSnapshot(source)
  if (result.status !== 'built') throw new Error(`SEED=${seed}: ${JSON.stringify(result)}`)
  return result
}

function coverageOf(update: Uint8Array): Coverage {
  const parsed = readUpdate(update)
  if (!parsed.ok) throw new Error(parsed.refusal.detail)
  return parsed.value
}

function snapshotOf(doc: Y.Doc): Uint8Array {
  return Y.encodeSnapshot(Y.snapshot(doc))
}
