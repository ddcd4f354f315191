/**
 * The calls that editor bindings make of an awareness, in their order, as they stand in the sources of
 * y-codemirror.next 0.3, y-prosemirror 1.3, y-quill 1.0 and y-monaco 0.1; with nothing else of it.
 */
import { describe, expect, test } from 'vitest'
import type { Awareness as YAwareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { note, PresenceWorld } from './presence-world.js'

interface Change {
  readonly added: number[]
  readonly updated: number[]
  readonly removed: number[]
}

/** What a binding keeps of the others: who, with which state. */
interface Binding {
  readonly shown: Map<number, unknown>
  /** Its user has put the caret somewhere. */
  move(to: object): void
  blur(): void
  destroy(): void
}

const bindings: Record<string, (awareness: YAwareness) => Binding> = {
  'y-codemirror.next': (awareness) => {
    const shown = new Map<number, unknown>()
    const redraw = (): void => {
      shown.clear()
      awareness.getStates().forEach((state, client) => {
        if (client === awareness.doc.clientID || !state['cursor']) return
        shown.set(client, state['cursor'])
      })
    }
    const listener = ({ added, updated, removed }: Change): void => {
      const clients = added.concat(updated).concat(removed)
      if (clients.findIndex((id) => id !== awareness.doc.clientID) >= 0) redraw()
    }
    awareness.on('change', listener)
    return {
      shown,
      move(to) {
        const local = awareness.getLocalState()
        if (local !== null) awareness.setLocalStateField('cursor', to)
      },
      blur: () => awareness.setLocalStateField('cursor', null),
      destroy: () => awareness.off('change', listener),
    }
  },
  'y-prosemirror': (awareness) => {
    const shown = new Map<number, unknown>()
    const listener = (): void => {
      shown.clear()
      awareness.getStates().forEach((state, client) => {
        if (client !== awareness.doc.clientID && Boolean(state['cursor'])) {
          shown.set(client, state['cursor'])
        }
      })
    }
    awareness.on('change', listener)
    return {
      shown,
      move(to) {
        const current = awareness.getLocalState() ?? {}
        if (current['cursor'] !== to) awareness.setLocalStateField('cursor', to)
      },
      blur: () => awareness.setLocalStateField('cursor', null),
      destroy() {
        awareness.off('change', listener)
        awareness.setLocalStateField('cursor', null)
      },
    }
  },
  'y-quill': (awareness) => {
    const shown = new Map<number, unknown>()
    const update = (state: unknown, client: number): void => {
      const { cursor } = (state ?? {}) as { cursor?: unknown }
      if (client === awareness.doc.clientID) return
      if (cursor) shown.set(client, cursor)
      else shown.delete(client)
    }
    const listener = ({ added, removed, updated }: Change): void => {
      const states = awareness.getStates()
      for (const id of added) update(states.get(id), id)
      for (const id of updated) update(states.get(id), id)
      for (const id of removed) shown.delete(id)
    }
    awareness.getStates().forEach((state, client) => update(state, client))
    awareness.on('change', listener)
    return {
      shown,
      move(to) {
        if (awareness.getLocalState() === null) return
        awareness.setLocalStateField('cursor', to)
        awareness.getStates().forEach((state, client) => update(state, client))
      },
      blur: () => awareness.setLocalStateField('cursor', null),
      destroy: () => awareness.off('change', listener),
    }
  },
  'y-monaco': (awareness) => {
    const shown = new Map<number, unknown>()
    const listener = (): void => {
      shown.clear()
      awareness.getStates().forEach((state, client) => {
        if (client !== awareness.doc.clientID && Boolean(state['selection'])) {
          shown.set(client, state['selection'])
        }
      })
    }
    awareness.on('change', listener)
    return {
      shown,
      move: (to) => awareness.setLocalStateField('selection', to),
      blur: () => awareness.setLocalStateField('selection', null),
      destroy: () => awareness.off('change', listener),
    }
  },
}

describe.each(Object.entries(bindings))('the calls of %s', (_name, bind) => {
  test('[PRES-2] show the carets of others as they come, move, blur and go', async () => {
    const world = new PresenceWorld()
    const [a, b] = [world.peer(), world.peer()]
    a.link(b)
    // As bindings are given it: where y-protocols' type is asked for.
    const [hers, his]: YAwareness[] = [
      a.presence.open(note, new Y.Doc()),
      b.presence.open(note, new Y.Doc()),
    ]
    if (hers === undefined || his === undefined) throw new Error('two were opened')
    hers.setLocalStateField('user', { name: 'Ada', color: '#ee6352' })
    expect(hers.clientID).toBe(hers.doc.clientID)
    const [one, other] = [bind(hers), bind(his)]
    await world.run(200)
    expect([...one.shown, ...other.shown]).toEqual([])

    one.move({ anchor: 3, head: 5 })
    expect(one.shown.size).toBe(0)
    await world.run(200)
    expect([...other.shown]).toEqual([[hers.clientID, { anchor: 3, head: 5 }]])
    expect(his.getStates().get(hers.clientID)).toMatchObject({ user: { name: 'Ada' } })
    expect(his.meta.get(hers.clientID)?.clock).toBe(hers.meta.get(hers.clientID)?.clock)

    one.move({ anchor: 9, head: 9 })
    await world.run(200)
    expect([...other.shown.values()]).toEqual([{ anchor: 9, head: 9 }])
    one.blur()
    await world.run(200)
    expect(other.shown.size).toBe(0)

    other.move({ anchor: 1, head: 1 })
    await world.run(200)
    expect(one.shown.size).toBe(1)
    b.presence.close(note.id)
    await world.run(200)
    expect(one.shown.size).toBe(0)

    // Editors outlive documents: nothing they still say throws, or is heard.
    other.move({ anchor: 2, head: 2 })
    other.destroy()
    expect(his.getLocalState()).toBeNull()
    one.destroy()
    hers.setLocalStateField('user', { name: 'Ada' })
    await world.run(200)
  })

  test('[PRES-2] hear of the user’s own states, with `local` as their origin, and of renewals by `update` alone', () => {
    const world = new PresenceWorld()
    const peer = world.peer()
    const awareness: YAwareness = peer.presence.open(note, new Y.Doc())
    const binding = bind(awareness)
    const told: unknown[] = []
    for (const name of ['change', 'update'] as const) {
      awareness.on(name, ({ updated }: Change, origin: unknown) =>
        told.push([name, updated, origin]),
      )
    }
    binding.move({ anchor: 1 })
    const { clientID } = awareness
    expect(told).toEqual([
      ['change', [clientID], 'local'],
      ['update', [clientID], 'local'],
    ])
    awareness.setLocalState(awareness.getLocalState())
    expect(told.slice(2)).toEqual([['update', [clientID], 'local']])
    binding.destroy()
    peer.presence.closeAll()
  })
})
