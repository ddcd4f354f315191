import type { SeededRandom } from '@holdfast/peer/testing'

/** Text with all lengths of UTF-8, pairs that edits can cut in two, halves of pairs, and nothing odd. */
export function randomText(random: SeededRandom): string {
  if (random.chance(0.5)) return random.pick(['a', 'hello ', 'x'.repeat(1 + random.below(200))])
  const pieces = ['é', '漢字', '😀', '👩‍👩‍👧', '\ud83d', '\udc00', '\u0000', '\ufeff', '"\\', 'z']
  return Array.from({ length: 1 + random.below(5) }, () => random.pick(pieces)).join('')
}

/** Every kind of value that lib0 can write. */
export function randomValue(random: SeededRandom, depth = 0): unknown {
  const choice = random.below(depth > 3 ? 10 : 13)
  switch (choice) {
    case 0:
      return null
    case 1:
      return undefined
    case 2:
      return random.chance(0.5)
    case 3:
      return random.pick([0, -0, 1, -1, 63, 64, -64, 2 ** 31, -(2 ** 31), 127, 8191, 2 ** 53 - 1])
    case 4:
      return random.pick([0.5, 1.1, -1e300, 1e-300, Infinity, -Infinity, NaN, 2 ** 60])
    case 5:
      return random.pick([0n, 5n, -(2n ** 63n), 2n ** 63n - 1n])
    case 6:
      return random.bytes(random.below(40))
    case 10:
      return Array.from({ length: random.below(5) }, () => randomValue(random, depth + 1))
    case 11:
    case 12:
      return Object.fromEntries(
        Array.from({ length: random.below(5) }, () => [
          randomText(random),
          randomValue(random, depth + 1),
        ]),
      )
    default:
      return randomText(random)
  }
}
