/** The one source of chance. In simulations it is seeded, so that a seed replays a run exactly. */
export interface Random {
  /** A fresh array of `length` random bytes. The system's source is cryptographically strong. */
  bytes(length: number): Uint8Array
  /** A whole number from 0 to 2^32 - 1, uniformly. */
  uint32(): number
}

/** A number in [0, 1), with 32 bits of chance. */
export function fraction(random: Random): number {
  return random.uint32() / 2 ** 32
}

/** A whole number from 0 to `below` - 1, uniformly. `below` is from 1 to 2^32. */
export function below(random: Random, below: number): number {
  if (!Number.isInteger(below) || below < 1 || below > 2 ** 32) {
    throw new RangeError(`below(random, n) takes a whole n from 1 to 2^32, got ${below}`)
  }
  // Draws past the last whole multiple are thrown away: a plain remainder would favour small numbers.
  const limit = 2 ** 32 - (2 ** 32 % below)
  for (;;) {
    const drawn = random.uint32()
    if (drawn < limit) return drawn % below
  }
}

/** `baseMs` spread evenly over ± `spread` (0.25 means from 75 % to 125 %), so that crowds come apart. */
export function jittered(random: Random, baseMs: number, spread = 0.25): number {
  return baseMs * (1 - spread + 2 * spread * fraction(random))
}
