import { SeededRandom, Trace } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[WORLD-9] a seed gives one stream for ever', () => {
  const random = new SeededRandom('holdfast')
  expect([random.uint32(), random.uint32(), random.uint32()]).toEqual([
    2746071174, 1882300389, 3277778281,
  ])
  expect(new SeededRandom(42).uint32()).toBe(new SeededRandom('42').uint32())
  expect([...new SeededRandom('bytes').bytes(7)]).toEqual([68, 178, 172, 181, 215, 197, 195])
})

test('[WORLD-9] near seeds give streams that have nothing in common', () => {
  const drawn = new Set<number>()
  for (let seed = 0; seed < 2_000; seed++) {
    const random = new SeededRandom(seed)
    for (let draw = 0; draw < 5; draw++) drawn.add(random.uint32())
  }
  // Ten thousand draws of 32 bits: about 0.01 collisions by chance.
  expect(drawn.size).toBeGreaterThanOrEqual(9_998)
})

test('[WORLD-9] draws are even, bit by bit', () => {
  const random = new SeededRandom('even')
  const ones = new Array<number>(32).fill(0)
  for (let draw = 0; draw < 20_000; draw++) {
    const word = random.uint32()
    for (let bit = 0; bit < 32; bit++) ones[bit] = (ones[bit] ?? 0) + ((word >>> bit) & 1)
  }
  // Six standard deviations around the half.
  for (const count of ones) expect(Math.abs(count - 10_000)).toBeLessThan(6 * Math.sqrt(5_000))
})

test('[WORLD-10] a fork depends on its name alone, not on what was drawn before', () => {
  const one = new SeededRandom('seed')
  const other = new SeededRandom('seed')
  other.bytes(100)
  expect(one.fork('network').uint32()).toBe(other.fork('network').uint32())
  expect(one.fork('network').uint32()).not.toBe(one.fork('disk').uint32())
  expect(one.fork('a').fork('b').uint32()).not.toBe(one.fork('b').fork('a').uint32())
})

test('[WORLD-10] chances, choices and shuffles stay in their bounds', () => {
  const random = new SeededRandom('bounds')
  const seen = new Set<number>()
  for (let draw = 0; draw < 500; draw++) {
    seen.add(random.below(6))
    const between = random.between(-2, 3)
    expect(between >= -2 && between < 3).toBe(true)
  }
  expect([...seen].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5])
  expect(random.chance(0)).toBe(false)
  expect(random.chance(1)).toBe(true)
  const items = ['a', 'b', 'c', 'd', 'e']
  expect(random.shuffled(items).toSorted()).toEqual(items)
  expect(items).toContain(random.pick(items))
  expect(() => random.pick([])).toThrow(RangeError)
})

test('[WORLD-11] a trace’s hash covers every line, also those that are no longer kept', () => {
  let now = 0
  const short = new Trace(() => now, { keep: 3 })
  const whole = new Trace(() => now, { keep: 'all' })
  for (; now < 10; now++) {
    short.line(`step ${now}`)
    whole.line(`step ${now}`)
  }
  expect(short.tail()).toEqual(['7.000 step 7', '8.000 step 8', '9.000 step 9'])
  expect(whole.text.split('\n')).toHaveLength(10)
  expect(short.hash).toBe(whole.hash)
  expect(short.count).toBe(10)
  const changed = new Trace(() => 0)
  const same = new Trace(() => 0)
  changed.line('ab')
  changed.line('c')
  same.line('a')
  same.line('bc')
  expect(changed.hash).not.toBe(same.hash)
})
