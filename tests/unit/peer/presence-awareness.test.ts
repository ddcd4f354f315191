import {
  Awareness,
  encodeAwareness,
  PeerError,
  readAwareness,
  type AwarenessEntry,
} from '@holdfast/peer'
import { VirtualClock } from '@holdfast/peer/testing'
import { describe, expect, test } from 'vitest'
import {
  applyAwarenessUpdate,
  Awareness as YAwareness,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from 'y-protocols/awareness'
import * as Y from 'yjs'

const clock = new VirtualClock()

function ours(): Awareness {
  return new Awareness(new Y.Doc(), clock)
}

function entriesOf(bytes: Uint8Array): readonly AwarenessEntry[] {
  const read = readAwareness(bytes)
  if (!read.ok) throw new Error(read.refusal.detail)
  return read.value
}

describe('Awareness', () => {
  test('[PRES-1] what it writes y-protocols reads, and the other way round', () => {
    const here = ours()
    const there = new YAwareness(new Y.Doc())
    here.setLocalState({ name: 'Ada', cursor: { anchor: [1, null], head: 'é😀' } })
    there.setLocalState({ name: 'Bob' })
    applyAwarenessUpdate(there, encodeAwareness(here.entriesOf([here.clientID])), 'test')
    here.take(entriesOf(encodeAwarenessUpdate(there, [there.clientID])), 'test')
    expect(there.getStates().get(here.clientID)).toEqual(here.getLocalState())
    expect(here.getStates().get(there.clientID)).toEqual({ name: 'Bob' })
    const clients = [here.clientID, there.clientID]
    expect(encodeAwareness(here.entriesOf(clients))).toEqual(encodeAwarenessUpdate(there, clients))

    here.setLocalState(null)
    applyAwarenessUpdate(there, encodeAwareness(here.entriesOf([here.clientID])), 'test')
    expect(there.getStates().has(here.clientID)).toBe(false)
    there.destroy()
  })

  test('[PRES-2] y-protocols’ own functions, and its type, take it for one of theirs', () => {
    const here = ours()
    const theirs: YAwareness = here
    const there = new YAwareness(new Y.Doc())
    there.setLocalState({ name: 'Bob' })
    applyAwarenessUpdate(theirs, encodeAwarenessUpdate(there, [there.clientID]), 'test')
    expect(here.getStates().get(there.clientID)).toEqual({ name: 'Bob' })
    removeAwarenessStates(theirs, [there.clientID], 'test')
    expect([...here.getStates().keys()]).toEqual([here.clientID])
    expect(encodeAwarenessUpdate(theirs, [here.clientID])).toEqual(
      encodeAwareness(here.entriesOf([here.clientID])),
    )
    there.destroy()
  })

  test('[PRES-2] it tells the same events in the same order as y-protocols', () => {
    const records = [ours(), new YAwareness(new Y.Doc())].map((awareness) => {
      const events: unknown[] = []
      for (const name of ['change', 'update']) {
        awareness.on(name, (change: Record<string, number[]>, origin: unknown) => {
          const sizes = Object.entries(change).map(([what, clients]) => `${what} ${clients.length}`)
          events.push([name, sizes.join(), origin])
        })
      }
      awareness.setLocalState({ a: 1 })
      awareness.setLocalState({ a: 1 })
      awareness.setLocalStateField('b', 2)
      awareness.setLocalState(null)
      awareness.setLocalStateField('b', 3)
      awareness.setLocalState({ c: [] })
      awareness.destroy()
      return events
    })
    expect(records[0]).toEqual(records[1])
    expect(records[0]?.length).toBeGreaterThan(6)
  })

  test('[PRES-3] it has no timer, and goes with its document', () => {
    const doc = new Y.Doc()
    const awareness = new Awareness(doc, clock)
    let destroyed = 0
    awareness.once('destroy', () => destroyed++)
    expect(clock.pendingTasks).toBe(0)
    doc.destroy()
    awareness.destroy()
    expect(destroyed).toBe(1)
    expect(awareness.getLocalState()).toBeNull()
  })

  test('[PRES-3] a state that fits no message is refused to the one who sets it', () => {
    const awareness = ours()
    expect(() => awareness.setLocalState({ text: 'x'.repeat(40_000) })).toThrow(PeerError)
    expect(awareness.getLocalState()).toEqual({})
  })
})
