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

test('[COMPACT-7] closing ends the build that is under way', async () => {
  const builder = open({})
  const building = builder.build(typed(10_000))
  await builder.close()
  expect(await building).toMatchObject({ status: 'closed' })
  expect(await builder.build(typed(1))).toMatchObject({ status: 'closed' })
})

function open(options: { deadlineMs?: number; maxHeapMegabytes?: number }): SnapshotBuilder {
  const builder = createWorkerBuilder({ clock: systemClock, ...options })
  builders.push(builder)
  return builder
}

/** Rows of one edit each: letters, or the entries of a map, which Yjs cannot join. */
function typed(edits: number, into: 'text' | 'map' = 'text') {
  const doc = new Y.Doc({ gc: false })
  const rows: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => rows.push(update))
  for (let at = 0; at < edits; at++) {
    if (into === 'text') doc.getText('t').insert(at, 'x')
    else doc.getMap('m').set(String(at), at)
  }
  return {
    rows: packRows(rows.map((bytes, at) => ({ seq: at + 1, bytes }))),
    parked: packRows([]),
  }
}
