/** Whom each of so many peers dials: everyone up to eight, then a ring with random chords. */
import type { SeededRandom } from '@holdfast/peer/testing'

export function dialsOf(
  size: number,
  random: SeededRandom,
  degree = 6,
): readonly (readonly number[])[] {
  const dials = Array.from({ length: size }, () => new Set<number>())
  const links = new Array<number>(size).fill(0)
  const link = (a: number, b: number): void => {
    if (a === b || dials[a]?.has(b) === true || dials[b]?.has(a) === true) return
    dials[Math.min(a, b)]?.add(Math.max(a, b))
    links[a] = (links[a] ?? 0) + 1
    links[b] = (links[b] ?? 0) + 1
  }
  if (size <= 8) {
    for (let a = 0; a < size; a++) for (let b = a + 1; b < size; b++) link(a, b)
    return dials.map((to) => [...to])
  }
  const order = random.shuffled(Array.from({ length: size }, (_, index) => index))
  for (const [at, peer] of order.entries()) link(peer, order[(at + 1) % size] ?? 0)
  for (let tries = 0; tries < size * 40; tries++) {
    const short = order.filter((peer) => (links[peer] ?? 0) < degree)
    if (short.length < 2) break
    link(random.pick(short), random.pick(short))
  }
  return dials.map((to) => [...to])
}
