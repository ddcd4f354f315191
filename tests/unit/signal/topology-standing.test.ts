import { describe, expect, test } from 'vitest'
import { forSeeds, TestRoom } from './topology-room.js'

/** A room of 100 writers that has seen churn, and what each of its members would say stands. */
function establishedRoom(seed: string): { room: TestRoom; standingOf: (id: string) => string[] } {
  const room = new TestRoom(seed).fill(100)
  for (let round = 0; round < 50; round++) {
    room.leave(room.random.pick(room.ids()))
    room.join()
  }
  return { room, standingOf: (id) => [...(room.neighbours.get(id) ?? [])] }
}

describe('a restarted signaller', () => {
  test('[TOPO-14] builds the same links again, and asks for no other on the way', () => {
    forSeeds(20, (seed) => {
      const { room, standingOf } = establishedRoom(seed)
      const again = new TestRoom(`${seed} again`)
      const asked: string[] = []
      for (const id of room.random.shuffled(room.ids())) {
        const { added, removed } = again.join('writer', id, { standing: standingOf(id) })
        asked.push(...added.map((p) => `${p.caller} ${p.callee}`))
        expect(removed).toEqual([])
      }
      expect(asked.toSorted()).toEqual(room.links())
      expect(again.links()).toEqual(room.links())
      expect(again.ids().filter((id) => again.topology.isWaiting(id))).toEqual([])
      expect(again.problems()).toEqual([])
    })
  })

  test('[TOPO-14] the same with readers and archives', () => {
    forSeeds(10, (seed) => {
      const { room, standingOf } = establishedRoom(seed)
      room.join('archive')
      for (let count = 0; count < 30; count++) room.join('reader')
      const again = new TestRoom(`${seed} again`)
      for (const id of room.random.shuffled(room.ids())) {
        again.join(room.roleById.get(id), id, { standing: standingOf(id) })
      }
      expect(again.links()).toEqual(room.links())
    })
  })

  test('[TOPO-14] small rooms too', () => {
    forSeeds(20, (seed) => {
      const room = new TestRoom(seed).fill(2 + (seed.length % 7))
      const again = new TestRoom(`${seed} again`)
      for (const id of room.random.shuffled(room.ids())) {
        again.join('writer', id, { standing: [...(room.neighbours.get(id) ?? [])] })
      }
      expect(again.links()).toEqual(room.links())
      expect(again.problems()).toEqual([])
    })
  })

  test('[TOPO-15] without those who stay away, the rest keeps every link and is made whole', () => {
    forSeeds(20, (seed) => {
      const { room, standingOf } = establishedRoom(seed)
      const back = room.random.shuffled(room.ids()).slice(20)
      const again = new TestRoom(`${seed} again`)
      for (const id of back) again.join('writer', id, { standing: standingOf(id) })
      for (const id of back) again.settle(id)
      expect(again.problems()).toEqual([])
      const here = new Set(back)
      const stood = room.links().filter((link) => link.split(' ').every((id) => here.has(id)))
      const kept = new Set(again.links())
      expect(stood.filter((link) => !kept.has(link))).toEqual([])
    })
  })

  test('[TOPO-15] newcomers in between are linked at once, and the room is whole in the end', () => {
    forSeeds(20, (seed) => {
      const { room, standingOf } = establishedRoom(seed)
      const again = new TestRoom(`${seed} again`)
      let kept = 0
      for (const [at, id] of room.random.shuffled(room.ids()).entries()) {
        again.join('writer', id, { standing: standingOf(id) })
        if (at % 20 !== 10) continue
        const newcomer = again.join()
        expect(newcomer.added.length).toBeGreaterThanOrEqual(6)
      }
      for (const id of again.ids()) again.settle(id)
      expect(again.problems()).toEqual([])
      const links = new Set(again.links())
      for (const link of room.links()) if (links.has(link)) kept++
      expect(kept / room.links().length).toBeGreaterThan(0.9)
    })
  })

  test('[TOPO-15] leaves while others wait do not break it', () => {
    forSeeds(30, (seed) => {
      const { room, standingOf } = establishedRoom(seed)
      const again = new TestRoom(`${seed} again`)
      for (const id of room.random.shuffled(room.ids())) {
        again.join('writer', id, { standing: standingOf(id) })
        if (room.random.chance(0.2)) again.leave(room.random.pick(again.ids()))
        if (room.random.chance(0.1)) again.settle(room.random.pick(again.ids()))
        for (const one of again.ids()) {
          expect(again.linked(one, 'writer').length).toBeLessThanOrEqual(8)
        }
      }
      for (const id of again.ids()) again.settle(id)
      expect(again.problems()).toEqual([])
    })
  })
})

describe('claims', () => {
  test('[TOPO-15] one peer that comes back alone gets its links, if there is room', () => {
    const { room, standingOf } = establishedRoom('one')
    const [id] = room.ids() as [string]
    const standing = standingOf(id)
    room.leave(id)
    room.join('writer', id, { standing })
    expect(room.topology.isWaiting(id)).toBe(false)
    const kept = standingOf(id).filter((other) => standing.includes(other))
    expect(kept.length).toBeGreaterThanOrEqual(standing.length - 2)
    expect(room.problems()).toEqual([])
  })

  test('[TOPO-15] a claim on everybody gets no more than the cap', () => {
    const { room } = establishedRoom('greedy')
    for (let count = 0; count < 5; count++) {
      room.join('writer', undefined, { standing: room.ids() })
      expect(room.problems()).toEqual([])
    }
  })

  test('[TOPO-15] ids that never come are forgotten at settle, and the member is placed', () => {
    const room = new TestRoom('ghosts').fill(20)
    const ghosts = Array.from({ length: 1_000 }, () => room.freshId())
    const { id, added } = room.join('writer', undefined, { standing: ghosts })
    expect(added).toEqual([])
    expect(room.topology.isWaiting(id)).toBe(true)

    expect(room.settle(id).added.length).toBeGreaterThanOrEqual(6)
    expect(room.topology.isWaiting(id)).toBe(false)
    expect(room.problems()).toEqual([])
    // A ghost that comes after all is a newcomer like any other.
    room.join('writer', ghosts[0])
    expect(room.problems()).toEqual([])
    expect(room.settle(id)).toEqual({ added: [], removed: [] })
  })

  test('[TOPO-15] naming oneself is not waiting', () => {
    const room = new TestRoom('mirror').fill(3)
    const own = room.freshId()
    room.join('writer', own, { standing: [own] })
    expect(room.topology.isWaiting(own)).toBe(false)
    expect(room.problems()).toEqual([])
  })
})
