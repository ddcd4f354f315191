import { createWorkerBuilder, packRows, type SnapshotBuilder } from '@holdfast/archive'
import { systemClock } from '@holdfast/peer/ports'
import { afterEach, expect, test } from 'vitest'
import * as Y from 'yjs'

const builders: SnapshotBuilder[] = []

afterEach(async () => {
  for (const builder of builders.splice(0)) await builder.close()
})

test('[COMPACT-4] a worker builds what the pure builder builds, again and again', async () => {
  const builder = open({})
  for (let length = 1; length <= 3; length++) {
    const built = await builder.build(typed(length))
    if (built.status !== 'built') throw new Error(JSON.stringify(built))
    const doc = new Y.Doc()
    Y.applyUpdate(doc, built.bytes)
    expect(doc.getText('t').toJSON()).toBe('x'.repeat(length))
  }
})

test('[COMPACT-4] a build past its deadline ends, says where it was, and the next one works', async () => {
  const builder = open({ deadlineMs: 5 })
  const stopped = await builder.build(typed(10_000))
  expect(stopped).toMatchObject({ status: 'timeout', stuck: false })
  const patient = open({})
  expect(await patient.build(typed(10))).toMatchObject({ status: 'built' })
})

test('[COMPACT-4] a build that floods its memory ends its own thread only', async () => {
  const builder = open({ maxHeapMegabytes: 12 })
  expect(await builder.build(typed(60_000, 'map'))).toMatchObject({ status: 'out-of-memory' })
  expect(await builder.build(typed(10))).toMatchObject({ status: 'built' })
})

test('[COMPACT-4] buffers, which no heap counts, have a limit of their own', async () => {
  const builder = open({ maxBufferMegabytes: 8 })
  // 20 MB that a heap of this size would not notice.
  const blobs = written(40, (map, at) => map.set(String(at), new Uint8Array(500_000).fill(at)))
  const stopped = await builder.build(blobs)
  expect(stopped).toMatchObject({ status: 'out-of-memory', stuck: false })
  expect('reason' in stopped && stopped.reason).toMatch(/bytes of buffers, of 8388608 at most/)
  expect(await builder.build(typed(10))).toMatchObject({ status: 'built' })
})

test('[COMPACT-7] closing ends the build that is under way', async () => {
  const builder = open({})
  const building = builder.build(typed(10_000))
  await builder.close()
  expect(await building).toMatchObject({ status: 'closed' })
  expect(await builder.build(typed(1))).toMatchObject({ status: 'closed' })
})

interface Limits {
  readonly deadlineMs?: number
  readonly maxHeapMegabytes?: number
  readonly maxBufferMegabytes?: number
}

function open(options: Limits): SnapshotBuilder {
  const builder = createWorkerBuilder({ clock: systemClock, ...options })
  builders.push(builder)
  return builder
}

/** Rows of one edit each: letters, or the entries of a map, which Yjs cannot join. */
function typed(edits: number, into: 'text' | 'map' = 'text') {
  if (into === 'map') return written(edits, (map, at) => map.set(String(at), at))
  return written(edits, (map, at) => map.doc?.getText('t').insert(at, 'x'))
}

function written(edits: number, edit: (map: Y.Map<unknown>, at: number) => void) {
  const doc = new Y.Doc({ gc: false })
  const rows: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => rows.push(update))
  for (let at = 0; at < edits; at++) edit(doc.getMap('m'), at)
  return {
    rows: packRows(rows.map((bytes, at) => ({ seq: at + 1, bytes }))),
    parked: packRows([]),
  }
}
