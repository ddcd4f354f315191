import { createTopology, defaultTopologyLimits, pairOf, type Role } from '@holdfast/signal/topology'
import { SeededRandom } from '@holdfast/peer/testing'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forSeeds, TestRoom } from './topology-room.js'

/** Three quarters of the rooms are small: their corners are where a repair runs out of places. */
const steps = fc.array(
  fc.record({
    join: fc.boolean(),
    role: fc.constantFrom<Role[]>('writer', 'writer', 'writer', 'reader', 'archive'),
    who: fc.nat(),
  }),
  { minLength: 1, maxLength: 120 },
)

const limits = fc
  .record({ least: fc.integer({ min: 2, max: 7 }), slack: fc.integer({ min: 2, max: 4 }) })
  .chain(({ least, slack }) =>
    fc.record({
      leastLinks: fc.constant(least),
      mostLinks: fc.constant(least + slack),
      fullMeshUpTo: fc.integer({ min: least + 1, max: least + slack + 1 }),
      linksPerReader: fc.integer({ min: 0, max: 3 }),
      readersPerWriter: fc.integer({ min: 0, max: 3 }),
      linksPerArchive: fc.integer({ min: 0, max: 20 }),
    }),
  )

describe('any sequence of joins and leaves', () => {
  test('[TOPO-2] [TOPO-3] [TOPO-4] [TOPO-11] keeps degrees, connection and caps', () => {
    fc.assert(
      fc.property(fc.nat(), limits, steps, (seed, limits, steps) => {
        const room = new TestRoom(seed, limits)
        for (const step of steps) {
          const ids = room.ids()
          if (step.join || ids.length === 0) room.join(step.role)
          else room.leave(ids[step.who % ids.length] as string)
          expect(room.problems()).toEqual([])
        }
      }),
      fcOptions(150),
    )
  })

  test('[TOPO-2] [TOPO-3] keeps them in a large room through long churn', () => {
    forSeeds(3, (seed) => {
      const room = new TestRoom(seed).fill(150)
      const problems: string[] = []
      for (let round = 0; round < 300; round++) {
        if (room.random.chance(0.5)) room.join()
        else room.leave(room.random.pick(room.ids()))
        if (round % 10 === 0) problems.push(...room.problems())
      }
      expect(problems).toEqual([])
    })
  })

  test('[TOPO-2] keeps them when every room size from 1 to 40 is crossed up and down', () => {
    forSeeds(20, (seed) => {
      const room = new TestRoom(seed)
      for (let size = 1; size <= 40; size++) {
        room.join()
        expect(room.problems()).toEqual([])
      }
      for (let size = 40; size >= 1; size--) {
        room.leave(room.random.pick(room.ids()))
        expect(room.problems()).toEqual([])
      }
    })
  })
})

test('[TOPO-1] up to 8 writers are a full mesh, and 9 are not', () => {
  const room = new TestRoom('small')
  for (let size = 1; size <= 8; size++) {
    room.join()
    expect(room.links()).toHaveLength((size * (size - 1)) / 2)
  }
  room.join()
  expect(room.links().length).toBeLessThan(36)
})

test('[TOPO-5] the smaller id calls, whichever end is named first', () => {
  expect(pairOf('a', 'b')).toEqual({ caller: 'a', callee: 'b' })
  expect(pairOf('b', 'a')).toEqual({ caller: 'a', callee: 'b' })
  const room = new TestRoom('callers').fill(30)
  for (const id of room.ids()) {
    for (const { caller, callee } of room.topology.linksOf(id)) expect(caller < callee).toBe(true)
  }
})

describe('what a change costs', () => {
  const { mostLinks, leastLinks } = defaultTopologyLimits
  const mostForJoin = mostLinks + leastLinks / 2
  const mostForLeave = 4 * mostLinks + 1

  test('[TOPO-6] a join or leave changes O(degree) links at every size', () => {
    forSeeds(30, (seed) => {
      const room = new TestRoom(seed)
      const widest = { join: 0, leave: 0 }
      for (let round = 0; round < 400; round++) {
        // Up and down through the border of the full mesh, then a room of about a hundred.
        const target = round < 150 ? [5, 12][Math.floor(round / 15) % 2] : 100
        const grow = room.ids().length < (target ?? 0) || room.random.chance(0.3)
        const kind = grow || room.ids().length === 0 ? 'join' : 'leave'
        const { added, removed } =
          kind === 'join' ? room.join() : room.leave(room.random.pick(room.ids()))
        widest[kind] = Math.max(widest[kind], added.length + removed.length)
      }
      expect(widest.join).toBeLessThanOrEqual(mostForJoin)
      expect(widest.leave).toBeLessThanOrEqual(mostForLeave)
    })
  })

  test('[TOPO-6] in steady churn a leave makes 2 links and a join cuts 1, on average', () => {
    forSeeds(5, (seed) => {
      const room = new TestRoom(seed).fill(200)
      let made = 0
      let cut = 0
      for (let round = 0; round < 500; round++) {
        made += room.leave(room.random.pick(room.ids())).added.length
        cut += room.join().removed.length
      }
      expect(made / 500).toBeLessThan(2)
      expect(cut / 500).toBeLessThan(1.25)
    })
  })

  test('[TOPO-7] a join and a leave look at as few members in a large room as in a small one', () => {
    expect(drawsIn(10_000)).toBeLessThan(1.5 * drawsIn(400))
  })

  test('[TOPO-8] coming and going at the border of the full mesh moves no other link', () => {
    forSeeds(20, (seed) => {
      const room = new TestRoom(seed).fill(8)
      const ids = [room.freshId(), room.freshId()]
      for (let round = 0; round < 50; round++) {
        const id = ids[round % 2] as string
        const joined = room.join('writer', id)
        expect(joined.removed).toEqual([])
        expect(joined.added.every((p) => p.caller === id || p.callee === id)).toBe(true)
        const left = room.leave(id)
        expect(left.added).toEqual([])
        expect(left.removed).toHaveLength(joined.added.length)
      }
    })
  })

  test('[TOPO-8] a page that reloads again and again settles in a large room', () => {
    forSeeds(20, (seed) => {
      const room = new TestRoom(seed).fill(60)
      const changed: number[] = []
      for (let round = 0; round < 40; round++) {
        const { id, added, removed } = room.join()
        const left = room.leave(id)
        const own = added.filter((p) => p.caller === id || p.callee === id).length
        changed.push(
          added.length + removed.length + left.added.length + left.removed.length - 2 * own,
        )
      }
      // The ring link that is taken up and given back, and a repair now and then.
      const late = changed.slice(20)
      expect(late.reduce((sum, n) => sum + n, 0) / late.length).toBeLessThanOrEqual(5)
    })
  })
})

describe('30 % vanish', () => {
  test('[TOPO-10] one by one in any order, and the rest is whole', () => {
    forSeeds(10, (seed) => {
      const room = new TestRoom(seed).fill(200)
      for (const id of room.random.shuffled(room.ids()).slice(0, 60)) room.leave(id)
      expect(room.problems()).toEqual([])
      expect(room.ids()).toHaveLength(140)
    })
  })

  test('[TOPO-10] the neighbours of one first, then neighbours of those', () => {
    const room = new TestRoom('a corner').fill(200)
    for (let gone = 0; gone < 60; gone++) {
      const [centre] = room.ids()
      room.leave(room.linked(centre as string, 'writer')[0] as string)
      expect(room.problems()).toEqual([])
    }
  })
})

describe('limits', () => {
  const refused: [string, Parameters<typeof createTopology>[0]['limits'], RegExp][] = [
    ['a mesh without slack', { leastLinks: 6, mostLinks: 7, fullMeshUpTo: 7 }, /mostLinks/],
    ['less than a ring', { leastLinks: 1, mostLinks: 4, fullMeshUpTo: 3 }, /leastLinks/],
    ['a full mesh above the cap', { fullMeshUpTo: 10 }, /fullMeshUpTo/],
    ['a full mesh below the least', { fullMeshUpTo: 6 }, /fullMeshUpTo/],
    ['half a link', { linksPerReader: 1.5 }, /linksPerReader.*1\.5/],
    ['less than none', { linksPerArchive: -1 }, /linksPerArchive.*-1/],
  ]

  test.each(refused)('[TOPO-16] %s is refused', (_, limits, message) => {
    expect(() => createTopology({ random: new SeededRandom(1), limits: limits ?? {} })).toThrow(
      message,
    )
  })

  test('[TOPO-16] a second join of one id is refused, and a leave of nobody changes nothing', () => {
    const room = new TestRoom('twice')
    const { id } = room.join()
    expect(() => room.topology.join(id, 'writer')).toThrow(id)
    expect(room.topology.leave('nobody')).toEqual({ added: [], removed: [] })
    expect(room.topology.size).toBe(1)
  })
})

/** How many random numbers a leave and a join draw together in a room of so many writers. */
function drawsIn(writers: number): number {
  const random = new SeededRandom(writers)
  let draws = 0
  const topology = createTopology({
    random: {
      bytes: (length) => random.bytes(length),
      uint32: () => (draws++, random.uint32()),
    },
  })
  const room = new TestRoom(writers)
  const ids = Array.from({ length: writers }, () => room.freshId())
  for (const id of ids) topology.join(id, 'writer')
  draws = 0
  for (const id of ids.slice(0, 300)) {
    topology.leave(id)
    topology.join(id, 'writer')
  }
  return draws / 300
}

function fcOptions(numRuns: number): { numRuns: number; seed?: number } {
  const { SEED, RUNS } = process.env
  const runs = RUNS === undefined ? numRuns : Number(RUNS)
  return SEED !== undefined && /^-?\d+$/.test(SEED)
    ? { numRuns: runs, seed: Number(SEED) }
    : { numRuns: runs }
}
