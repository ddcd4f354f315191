import type { Link, LinkClosed } from '@holdfast/peer/ports'
import { createWorld, type PathConditions, type World } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[WORLD-12] frames take the way’s delay and jitter, and keep their order', () => {
  const { world, a, heard } = pair({ delayMs: 30, jitterMs: 50 })
  for (let index = 0; index < 100; index++) a.send(Uint8Array.of(index))
  world.clock.advance(29.9)
  expect(heard).toEqual([])
  world.clock.advance(60)
  expect(heard.map(({ first }) => first)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  const times = heard.map(({ atMs }) => atMs)
  expect(Math.min(...times)).toBeGreaterThanOrEqual(30)
  expect(Math.max(...times)).toBeLessThanOrEqual(80)
  expect(new Set(times).size).toBeGreaterThan(1)
})

test('[WORLD-12] a line with a rate sends one frame after the other, and the rest is buffered', () => {
  const { world, a, heard } = pair({ delayMs: 5, bytesPerSecond: 1_000 })
  a.send(new Uint8Array(100))
  a.send(new Uint8Array(200))
  expect(a.bufferedBytes).toBe(300)
  world.clock.advance(150)
  expect(a.bufferedBytes).toBe(200)
  world.clock.advance(200)
  expect(heard.map(({ atMs }) => atMs)).toEqual([105, 305])
  expect(a.bufferedBytes).toBe(0)
})

test('[WORLD-13] a cut way holds everything, both ways, and a healed one delivers it in order', () => {
  const { world, a, b, heard } = pair({ delayMs: 10 })
  const back: number[] = []
  a.onFrame((frame) => back.push(frame[0] ?? -1))
  a.send(Uint8Array.of(1))
  world.clock.advance(5)
  world.network.cut('a', 'b')
  a.send(Uint8Array.of(2))
  b.send(Uint8Array.of(9))
  world.clock.advance(60_000)
  expect([heard, back]).toEqual([[], []])
  expect(a.bufferedBytes).toBe(2)
  world.network.heal('a', 'b')
  a.send(Uint8Array.of(3))
  world.clock.advance(10)
  expect(heard.map(({ first }) => first)).toEqual([1, 2, 3])
  expect(back).toEqual([9])
})

test('[WORLD-13] a one-way cut stops one direction', () => {
  const { world, a, b, heard } = pair()
  const back: number[] = []
  a.onFrame((frame) => back.push(frame[0] ?? -1))
  world.network.cut('a', 'b', { oneWay: true })
  a.send(Uint8Array.of(1))
  b.send(Uint8Array.of(2))
  world.clock.advance(100)
  expect(heard).toEqual([])
  expect(back).toEqual([2])
})

test('[WORLD-13] a partition lets only the hosts of one group reach each other', () => {
  const world = createWorld({ seed: 'groups' })
  world.network.partition([['a', 'b'], ['c']])
  expect(world.network.isBlocked('a', 'b')).toBe(false)
  expect(world.network.isBlocked('a', 'c')).toBe(true)
  expect(world.network.isBlocked('d', 'e')).toBe(false)
  expect(world.network.isBlocked('d', 'a')).toBe(true)
  world.network.cut('a', 'b')
  world.network.partition([['a', 'c']])
  expect(world.network.isBlocked('a', 'c')).toBe(false)
  expect(world.network.isBlocked('a', 'b')).toBe(true)
  world.network.healAll()
  expect(world.network.isBlocked('a', 'b')).toBe(false)
})

test('[WORLD-13] a link gives up a cut that lasts, each side at its own moment; a short one it stands', () => {
  const { world, a, b } = pair({ failAfterMs: 1_000 })
  const closed: { end: string; by: string; atMs: number }[] = []
  for (const [end, link] of Object.entries({ a, b })) {
    link.onClose(({ by }) => closed.push({ end, by, atMs: world.clock.monotonic() }))
  }
  world.network.cut('a', 'b')
  world.clock.advance(900)
  world.network.healAll()
  world.clock.advance(5_000)
  expect(closed).toEqual([])
  world.network.cut('a', 'b')
  world.clock.advance(5_000)
  expect(closed.map(({ end }) => end).toSorted()).toEqual(['a', 'b'])
  expect(closed.every(({ by }) => by === 'failed')).toBe(true)
  expect(closed[0]?.atMs).not.toBe(closed[1]?.atMs)
})

test('[WORLD-14] [L43] frames vanish by rate while the link stays open', () => {
  const { world, a, b, heard } = pair({ dropRate: 0.5 })
  for (let index = 0; index < 200; index++) a.send(Uint8Array.of(index))
  world.clock.advance(1_000)
  expect(heard.length).toBeGreaterThan(60)
  expect(heard.length).toBeLessThan(140)
  expect(isAscending(heard.map(({ first }) => first))).toBe(true)
  expect([a.isOpen, b.isOpen]).toEqual([true, true])
  expect(a.statistics).toMatchObject({ frames: 200, dropped: 200 - heard.length })
})

test('[WORLD-14] [L43] above a queue size frames vanish and the link stays open with a hole', () => {
  const { world, a, heard } = pair({ bytesPerSecond: 1_000, silentLossAboveBytes: 250 })
  for (let index = 0; index < 5; index++) a.send(new Uint8Array(100).fill(index))
  world.clock.advance(250)
  a.send(new Uint8Array(100).fill(5))
  world.clock.advance(1_000)
  expect(heard.map(({ first }) => first)).toEqual([0, 1, 5])
  expect(a.isOpen).toBe(true)
  expect(a.statistics).toMatchObject({ frames: 6, dropped: 3, peakBufferedBytes: 200 })
})

test('[WORLD-14] an interceptor decides about single frames by intent', () => {
  const { world, a, heard } = pair()
  const undo = world.network.intercept((frame, from, to) => {
    if (from !== 'a' || to !== 'b') return 'pass'
    return frame[0] === 1 ? 'drop' : frame[0] === 2 ? 'duplicate' : 'pass'
  })
  for (const first of [0, 1, 2, 3]) a.send(Uint8Array.of(first))
  world.clock.advance(200)
  expect(heard.map(({ first }) => first).toSorted((a, b) => a - b)).toEqual([0, 2, 2, 3])
  undo()
  a.send(Uint8Array.of(1))
  world.clock.advance(200)
  expect(heard.at(-1)?.first).toBe(1)
})

test('[WORLD-15] frames are doubled and overtaken only where that is asked for', () => {
  const honest = pair({ jitterMs: 50, dropRate: 0.3 })
  const wild = pair({ jitterMs: 50, duplicateRate: 0.2, reorderRate: 0.2 })
  for (const { world, a } of [honest, wild]) {
    for (let index = 0; index < 200; index++) {
      a.send(Uint8Array.of(index))
      world.clock.advance(2)
    }
    world.clock.advance(500)
  }
  const firsts = honest.heard.map(({ first }) => first)
  expect(isAscending(firsts)).toBe(true)
  const wildFirsts = wild.heard.map(({ first }) => first)
  expect(isAscending(wildFirsts)).toBe(false)
  expect(new Set(wildFirsts).size).toBe(200)
  const { duplicated, reordered } = wild.a.statistics
  expect(wildFirsts).toHaveLength(200 + duplicated)
  expect(duplicated).toBeGreaterThan(10)
  expect(reordered).toBeGreaterThan(10)
})

test('[WORLD-16] a broken link is learned of at once, late, or never', () => {
  const { world, a, b, heard } = pair()
  const closed: string[] = []
  a.onClose(({ by }) => closed.push(`a ${by} ${world.clock.monotonic()}`))
  b.onClose(({ by }) => closed.push(`b ${by} ${world.clock.monotonic()}`))
  world.network.pipeOf(a)?.break({ bAfterMs: 4_000 })
  world.clock.advance(3_000)
  expect(closed).toEqual(['a failed 0'])
  // b talks into the void, and is not told.
  b.send(Uint8Array.of(1))
  world.clock.advance(3_000)
  expect(closed).toEqual(['a failed 0', 'b failed 4000'])
  const half = world.network.connect('a', 'b')
  half.b.onFrame((frame) => heard.push({ first: frame[0] ?? -1, atMs: 0 }))
  world.network.pipeOf(half.a)?.break({ bAfterMs: Number.POSITIVE_INFINITY })
  half.a.send(Uint8Array.of(1))
  world.clock.advance(3_600_000)
  expect([half.a.isOpen, half.b.isOpen]).toEqual([false, true])
  expect(heard).toEqual([])
  expect(world.network.pipes).toHaveLength(1)
})

test('[WORLD-16] a close is learned of after the way’s delay, later, or never', () => {
  expect(closedAfter(0)).toBe(10)
  expect(closedAfter(5_000)).toBe(5_010)
  expect(closedAfter(Number.POSITIVE_INFINITY)).toBeUndefined()
})

test('[WORLD-16] what is sent after a close goes nowhere, also while the other side knows nothing yet', () => {
  const { world, a, b, heard } = pair({ closeNoticeMs: 5_000 })
  a.close()
  a.send(Uint8Array.of(1))
  world.clock.advance(1_000)
  expect(b.isOpen).toBe(true)
  expect(heard).toEqual([])
  expect(a.statistics.frames).toBe(0)
})

test('[WORLD-16] a broken link stays broken when its way is cut and healed', () => {
  const { world, a, b, heard } = pair()
  world.network.pipeOf(a)?.break({
    aAfterMs: Number.POSITIVE_INFINITY,
    bAfterMs: Number.POSITIVE_INFINITY,
  })
  world.network.cut('a', 'b')
  a.send(Uint8Array.of(1))
  world.network.healAll()
  a.send(Uint8Array.of(2))
  world.clock.advance(10_000)
  expect(heard).toEqual([])
  expect([a.isOpen, b.isOpen]).toEqual([true, true])
})

test('[WORLD-16] a close may lose the end of what was still on its way, and only the end', () => {
  const lengths = new Set<number>()
  for (let seed = 0; seed < 40; seed++) {
    const { world, a, b, heard } = pair({ delayMs: 10, closeLossRate: 0.5 }, seed)
    const closed: LinkClosed[] = []
    b.onClose((reason) => closed.push(reason))
    for (let index = 0; index < 10; index++) a.send(Uint8Array.of(index))
    a.close()
    world.clock.advance(100)
    expect(closed).toHaveLength(1)
    expect(heard.map(({ first }) => first)).toEqual(heard.map((_, index) => index))
    lengths.add(heard.length)
  }
  expect(lengths.size).toBeGreaterThan(3)
})

test('[WORLD-17] a dial reaches the listener one way later, and what was sent meanwhile waits for it', () => {
  const world = createWorld({ seed: 'dial' })
  world.network.setConditions({ delayMs: 25 })
  const accepted: { link: Link; atMs: number }[] = []
  const heard: number[] = []
  world.network.listen('server', (link) => {
    accepted.push({ link, atMs: world.clock.monotonic() })
    link.onFrame((frame) => heard.push(frame[0] ?? -1))
  })
  const link = world.network.dial('client', 'server')
  link.send(Uint8Array.of(1))
  world.clock.advance(24)
  expect(accepted).toEqual([])
  world.clock.advance(10)
  expect(accepted.map(({ atMs }) => atMs)).toEqual([25])
  expect(heard).toEqual([1])
})

test('[WORLD-17] a dial where nobody listens fails after a round trip', () => {
  const world = createWorld({ seed: 'refused' })
  world.network.setConditions({ delayMs: 25 })
  const closed: string[] = []
  world.network
    .dial('client', 'server')
    .onClose(({ by }) => closed.push(`${by} ${world.clock.monotonic()}`))
  world.clock.advance(100)
  expect(closed).toEqual(['failed 50'])
})

test('[WORLD-17] [K18] a dial over a cut way says nothing until it heals or is given up', () => {
  const world = createWorld({ seed: 'silence' })
  const accepted: Link[] = []
  world.network.listen('server', (link) => accepted.push(link))
  world.network.cut('client', 'server')
  const link = world.network.dial('client', 'server')
  const closed: LinkClosed[] = []
  link.onClose((reason) => closed.push(reason))
  world.clock.advance(100_000)
  expect([accepted, closed]).toEqual([[], []])
  world.network.healAll()
  world.clock.advance(10)
  expect(accepted).toHaveLength(1)
})

test('[WORLD-18] statistics count what was sent, arrived and vanished, for a link and in total', () => {
  const { world, a, b } = pair({ dropRate: 0.2, duplicateRate: 0.2 })
  for (let index = 0; index < 100; index++) a.send(new Uint8Array(10))
  b.send(new Uint8Array(7))
  world.clock.advance(1_000)
  const mine = a.statistics
  expect(mine).toMatchObject({ frames: 100, bytes: 1_000 })
  expect(mine.dropped).toBeGreaterThan(0)
  expect(mine.deliveredFrames).toBe(100 - mine.dropped + mine.duplicated)
  expect(mine.deliveredBytes).toBe(mine.deliveredFrames * 10)
  const { totals } = world.network
  expect(totals.frames).toBe(101)
  expect(totals.dropped).toBe(mine.dropped + b.statistics.dropped)
})

test('[WORLD-8] names that would garble traces are refused', () => {
  const world = createWorld({ seed: 'names' })
  expect(() => world.network.connect('a b', 'c')).toThrow("got 'a b'")
  expect(() => world.network.listen('a>b', () => {})).toThrow("got 'a>b'")
})

interface Heard {
  readonly first: number
  readonly atMs: number
}

function pair(conditions: Partial<PathConditions> = {}, seed: string | number = 'pair') {
  const world: World = createWorld({ seed })
  world.network.setConditions({ delayMs: 0, ...conditions })
  const { a, b } = world.network.connect('a', 'b')
  const heard: Heard[] = []
  b.onFrame((frame) => heard.push({ first: frame[0] ?? -1, atMs: world.clock.monotonic() }))
  return { world, a, b, heard }
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((value, index) => index === 0 || value > (numbers[index - 1] ?? -1))
}

/** When the other side hears of a close, in milliseconds; undefined: not within a minute. */
function closedAfter(closeNoticeMs: number): number | undefined {
  const { world, a, b } = pair({ delayMs: 10, closeNoticeMs })
  let atMs: number | undefined
  b.onClose(() => (atMs = world.clock.monotonic()))
  a.close()
  world.clock.advance(60_000)
  return atMs
}
