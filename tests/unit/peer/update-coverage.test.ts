import {
  clientsOf,
  contains,
  difference,
  emptyCoverage,
  encodeCoverage,
  GrowingCoverage,
  isEmpty,
  missing,
  readCoverage,
  union,
  unwrittenDeletes,
  updateLimits,
  type Coverage,
  type IdRanges,
} from '@holdfast/peer/protocol'
import type { SeededRandom } from '@holdfast/peer/testing'
import { describe, expect, test } from 'vitest'
import { campaign } from './update/campaign.js'
import { plain, plainRanges } from './update/oracle.js'

describe('coverage as a set of ids', () => {
  test('[UPDATE-6] union, difference and contains are those of sets', () => {
    campaign(500, (random) => {
      const [a, b] = [randomCoverage(random), randomCoverage(random)]
      const [inA, inB] = [idsIn(a), idsIn(b)]
      expect(idsIn(union(a, b))).toEqual(new Set([...inA, ...inB]))
      expect(idsIn(difference(a, b))).toEqual(new Set([...inA].filter((id) => !inB.has(id))))
      expect(contains(a, b)).toBe([...inB].every((id) => inA.has(id)))
      expect(contains(union(a, b), b)).toBe(true)
      expect(isEmpty(difference(a, union(b, a)))).toBe(true)
      expectNormal(union(a, b))
      expectNormal(difference(a, b))
    })
  })

  test('[UPDATE-7] missing is all that comes before what is needed and is nowhere', () => {
    campaign(500, (random) => {
      const [have, want] = [randomCoverage(random), randomCoverage(random)]
      const held = new Set([...clocksIn(have.structs), ...clocksIn(want.structs)])
      const needed = [want.structs, want.deletes, want.refs].flatMap(clocksIn)
      const lacking = needed.flatMap(upTo).filter((id) => !held.has(id))
      expect(new Set(clocksIn(missing(have, want)))).toEqual(new Set(lacking))
    })
  })

  test('[UPDATE-8] [K17] deletions of what nobody has written are told apart', () => {
    const have = coverage({ structs: [[1, [0, 10]]] })
    const honest = coverage({
      structs: [[2, [0, 5]]],
      deletes: [
        [1, [3, 4]],
        [2, [0, 5]],
      ],
    })
    expect(unwrittenDeletes(have, honest).size).toBe(0)
    // "All that client 1 will write in its next 2^40 edits": it reads well, and is a weapon.
    const weapon = coverage({ deletes: [[1, [5, updateLimits.maxClock]]] })
    expect(plainRanges(unwrittenDeletes(have, weapon))).toEqual([[1, [10, updateLimits.maxClock]]])
    expect(plainRanges(missing(have, weapon))).toEqual([[1, [10, updateLimits.maxClock]]])
    expect(plainRanges(new GrowingCoverage(have).unwrittenDeletes(weapon))).toEqual([
      [1, [10, updateLimits.maxClock]],
    ])
  })

  test('[UPDATE-6] references name the clients, and union keeps the highest of each', () => {
    const a = coverage({
      structs: [[1, [0, 1]]],
      deletes: [[2, [0, 1]]],
      refs: [
        [3, [7, 8]],
        [4, [1, 2]],
      ],
    })
    const b = coverage({
      refs: [
        [3, [9, 10]],
        [4, [0, 1]],
      ],
    })
    expect([...clientsOf(a)]).toEqual([1, 2, 3, 4])
    expect(plain(union(a, b)).refs).toEqual([
      [3, [9, 10]],
      [4, [1, 2]],
    ])
    expect(plain(new GrowingCoverage(a).toCoverage()).refs).toEqual(plain(a).refs)
  })
})

describe('coverage that grows', () => {
  test('[UPDATE-9] it answers as the functions do, whatever is added in whatever order', () => {
    campaign(300, (random) => {
      // Few clocks, so that ranges meet; or many ranges, so that they are kept in several chunks.
      const highest = random.pick([40, 3000])
      const growing = new GrowingCoverage()
      let whole: Coverage = emptyCoverage
      // A document that is being typed into beside what comes in any order.
      const typed = new GrowingCoverage(coverage({ structs: [[2, [0, 20]]] }))
      for (let clock = 0; clock < 20; clock += 2) {
        const next = coverage({
          structs: [[1, [clock, clock + 2]]],
          deletes: [[1, [clock, clock + 1]]],
          refs: [[2, [clock, clock + 1]]],
        })
        expect(typed.plainlyHolds(next)).toBe(true)
        expect(typed.missing(next).size).toBe(0)
        typed.add(next)
      }
      expect(typed.plainlyHolds(coverage({ structs: [[1, [21, 22]]] }))).toBe(false)
      expect(typed.plainlyHolds(coverage({ refs: [[2, [20, 21]]] }))).toBe(false)
      for (let i = 0; i < random.pick([5, 60]); i++) {
        const more = randomCoverage(random, highest)
        expect(growing.contains(more)).toBe(contains(whole, more))
        expect(plain(growing.lackingOf(more))).toEqual(plain(difference(more, whole)))
        expect(plainRanges(growing.missing(more))).toEqual(plainRanges(missing(whole, more)))
        expect(plainRanges(growing.unwrittenDeletes(more))).toEqual(
          plainRanges(unwrittenDeletes(whole, more)),
        )
        for (const one of [growing, typed]) {
          expect(!one.plainlyHolds(more) || one.missing(more).size === 0).toBe(true)
          one.add(more)
        }
        whole = union(whole, more)
      }
      expect(plain(growing.toCoverage())).toEqual(plain(whole))
      expect(growing.rangeCount).toBe(rangesIn(whole.structs) + rangesIn(whole.deletes))
    })
  })

  test('[UPDATE-9] thousands of single ids in any order, until they are one range', () => {
    campaign(3, (random) => {
      const growing = new GrowingCoverage()
      const clocks = random.shuffled(Array.from({ length: 4000 }, (_, clock) => clock))
      const even = clocks.filter((clock) => clock % 2 === 0)
      for (const clock of even) growing.add(coverage({ deletes: [[1, [clock, clock + 1]]] }))
      expect(growing.rangeCount).toBe(even.length)
      expect(growing.contains(coverage({ deletes: [[1, [2, 3]]] }))).toBe(true)
      expect(growing.contains(coverage({ deletes: [[1, [2, 4]]] }))).toBe(false)
      growing.add(coverage({ deletes: [[1, [101, 3000]]] }))
      // It touches the 51st range and the 501st from the end.
      expect(growing.rangeCount).toBe(50 + 1 + 499)
      for (const clock of clocks) growing.add(coverage({ deletes: [[1, [clock, clock + 1]]] }))
      expect(plain(growing.toCoverage()).deletes).toEqual([[1, [0, 4000]]])
    })
  })
})

describe('coverage in bytes', () => {
  test('[UPDATE-10] it comes back as it was, without the references; equal ones are equal bytes', () => {
    campaign(500, (random) => {
      const original = randomCoverage(random, random.pick([40, updateLimits.maxClock]))
      const bytes = encodeCoverage(original)
      const again = readCoverage(bytes)
      if (!again.ok) throw new Error(again.refusal.detail)
      expect(plain(again.value)).toEqual({ ...plain(original), refs: [] })
      expect(encodeCoverage(shuffledClients(random, original))).toEqual(bytes)
    })
  })

  test('[UPDATE-10] an empty one has three bytes', () => {
    expect([...encodeCoverage(emptyCoverage)]).toEqual([1, 0, 0])
  })

  test.each([
    ['nothing', []],
    ['another version', [2, 0, 0]],
    ['bytes that follow', [1, 0, 0, 0]],
    ['more clients than bytes', [1, 0x80, 0x80, 0x80, 0x0e, 0]],
    ['more ranges than bytes', [1, 1, 7, 0x80, 0x80, 0x80, 0x0e, 0, 1, 0]],
    ['a client without ranges', [1, 1, 7, 0, 0]],
    ['an empty range', [1, 1, 7, 1, 0, 0, 0]],
    ['ranges that touch', [1, 1, 7, 2, 0, 1, 0, 1, 0]],
    ['clients that descend', [1, 2, 7, 1, 0, 1, 6, 1, 0, 1, 0]],
    ['a client twice', [1, 2, 7, 1, 0, 1, 7, 1, 3, 1, 0]],
    ['a clock above the limit', [1, 1, 7, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]],
  ])('[UPDATE-11] bytes that are no coverage are refused: %s', (_, bytes) => {
    const parsed = readCoverage(Uint8Array.from(bytes))
    expect(parsed).toMatchObject({ ok: false, refusal: { code: 'malformed-update' } })
  })

  test('[UPDATE-11] what is refused of damaged bytes is refused, and the rest is normal', () => {
    let read = 0
    campaign(2000, (random) => {
      const bytes = encodeCoverage(randomCoverage(random))
      bytes[random.below(bytes.length)] = random.below(256)
      const parsed = readCoverage(bytes)
      if (!parsed.ok) return
      expectNormal(parsed.value)
      expect(encodeCoverage(parsed.value)).toEqual(bytes)
      read++
    })
    expect(read).toBeGreaterThan(100)
  })
})

type Given = readonly (readonly [client: number, ranges: readonly number[]])[]

function coverage(given: { structs?: Given; deletes?: Given; refs?: Given }): Coverage {
  const { structs = [], deletes = [], refs = [] } = given
  return { structs: new Map(structs), deletes: new Map(deletes), refs: new Map(refs) }
}

function randomCoverage(random: SeededRandom, highest = 40): Coverage {
  return {
    structs: randomIds(random, highest),
    deletes: randomIds(random, highest),
    refs: new Map(
      [1, 2, 3].flatMap((client) => {
        const clock = Math.floor(random.between(0, highest - 1))
        return random.chance(0.5) ? [[client, [clock, clock + 1]]] : []
      }),
    ),
  }
}

function randomIds(random: SeededRandom, highest: number): IdRanges {
  const ids = new Map<number, readonly number[]>()
  for (const client of [1, 2, 3]) {
    const bounds = Array.from({ length: 2 * random.below(5) }, () =>
      Math.floor(random.between(0, highest)),
    )
    const ranges = [...new Set(bounds)].toSorted((a, b) => a - b)
    if (ranges.length % 2 === 1) ranges.pop()
    if (ranges.length > 0) ids.set(client, ranges)
  }
  return ids
}

/** Small coverages as sets: one text for each id that is held, and each that is deleted. */
function idsIn({ structs, deletes }: Coverage): Set<string> {
  return new Set([
    ...clocksIn(structs).map((id) => `held ${id}`),
    ...clocksIn(deletes).map((id) => `deleted ${id}`),
  ])
}

/** Each id as `client:clock`. */
function clocksIn(ids: IdRanges): string[] {
  const clocks: string[] = []
  for (const [client, ranges] of ids) {
    for (let i = 0; i < ranges.length; i += 2) {
      const to = ranges[i + 1] ?? 0
      for (let clock = ranges[i] ?? 0; clock < to; clock++) clocks.push(`${client}:${clock}`)
    }
  }
  return clocks
}

/** An id and all earlier ones of its client. */
function upTo(id: string): string[] {
  const [client, clock] = id.split(':')
  return Array.from({ length: Number(clock) + 1 }, (_, earlier) => `${client}:${earlier}`)
}

function rangesIn(ids: IdRanges): number {
  return [...ids.values()].reduce((sum, ranges) => sum + ranges.length / 2, 0)
}

/** Ascending, disjoint, not touching, and no client without ranges. */
function expectNormal(normal: Coverage): void {
  for (const ids of [normal.structs, normal.deletes]) {
    for (const ranges of ids.values()) {
      expect(ranges.length).toBeGreaterThan(0)
      expect(ranges.length % 2).toBe(0)
      expect(ranges.every((clock, i) => i === 0 || clock > (ranges[i - 1] ?? Infinity))).toBe(true)
    }
  }
}

function shuffledClients(random: SeededRandom, original: Coverage): Coverage {
  return {
    structs: new Map(random.shuffled([...original.structs])),
    deletes: new Map(random.shuffled([...original.deletes])),
    refs: emptyCoverage.refs,
  }
}
