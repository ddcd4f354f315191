import { SeededRandom } from '@holdfast/peer/testing'

/**
 * Runs `check` on `runs` inputs that `make` draws, and says on failure how to see that input again.
 * `SEED=` and `RUNS=` come from the environment, for campaigns.
 */
export function hostileRuns<Input>(options: {
  readonly seed: string
  readonly runs: number
  readonly make: (random: SeededRandom) => Input
  readonly check: (input: Input) => void
  readonly show: (input: Input) => string
}): void {
  const { seed, runs } = environment(options)
  for (let run = 0; run < runs; run++) {
    const input = options.make(new SeededRandom(`${seed}/${run}`))
    try {
      options.check(input)
    } catch (error) {
      const story = `SEED=${seed} RUNS=${runs}, input ${run}: ${options.show(input)}`
      throw new Error(story, { cause: error })
    }
  }
}

/** `SEED=` and `RUNS=`, or what the test takes by itself. */
export function environment(usual: { readonly seed: string; readonly runs: number }): {
  readonly seed: string
  readonly runs: number
} {
  return {
    seed: process.env['SEED'] ?? usual.seed,
    runs: Number(process.env['RUNS'] ?? usual.runs),
  }
}

/** A seed for fast-check, which wants a number. */
export function numericSeed(seed: string): number {
  return new SeededRandom(seed).uint32() | 0
}

/** The bytes of what was done wrong, in a form that can be pasted back. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/**
 * Fails if `act` takes more than 50 ms, the limit for one hostile input. The machine may have paused
 * for reasons of its own: what is slow is tried again, and counts if it is slow five times.
 */
export function within50Ms<T>(act: () => T): T {
  let result: T
  let tookMs: number
  let tries = 0
  do {
    const startedMs = performance.now()
    result = act()
    tookMs = performance.now() - startedMs
  } while (tookMs > 50 && ++tries < 5)
  if (tookMs > 50) throw new Error(`took ${tookMs.toFixed(0)} ms`)
  return result
}

/** What `act` left allocated, or more: the heap and array buffers, before a collection. */
export function bytesAllocatedBy(act: () => unknown): number {
  const before = process.memoryUsage()
  const result = act()
  const after = process.memoryUsage()
  // The result is still there when memory is looked at.
  if (result === undefined) throw new Error('nothing was done')
  return after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers
}

/**
 * Damages some bytes in the ways that sockets, bugs and attackers do: flips, cuts, repeats, inserts,
 * numbers blown up, the middle of something else.
 */
export function damage(
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  random: SeededRandom,
): Uint8Array {
  let damaged: Uint8Array = bytes
  for (let times = 1 + (random.uint32() % 4); times > 0; times--) {
    damaged = damageOnce(damaged, others, random)
  }
  return damaged
}

function damageOnce(
  bytes: Uint8Array,
  others: readonly Uint8Array[],
  random: SeededRandom,
): Uint8Array {
  const at = random.uint32() % (bytes.length + 1)
  const length = random.uint32() % 8
  switch (random.uint32() % 7) {
    case 0:
      return replaced(bytes, at, 1, Uint8Array.of(random.uint32()))
    case 1:
      return replaced(bytes, at, 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << (random.uint32() % 8))))
    case 2:
      return bytes.slice(0, at)
    case 3:
      return replaced(bytes, at, length, new Uint8Array(0))
    case 4:
      return replaced(bytes, at, 0, bytes.slice(at, at + length))
    case 5:
      return replaced(bytes, at, length % 3, hugeNumbers[random.uint32() % hugeNumbers.length])
    default: {
      const other = others[random.uint32() % others.length] ?? bytes
      return replaced(bytes, at, length, other.slice(random.uint32() % (other.length + 1)))
    }
  }
}

/** Numbers that counts, lengths and seqs had better not believe, in the form of the wire. */
export const hugeNumbers = [
  'ff7f', // 2^14 - 1
  'ffffff7f', // 2^28 - 1
  'ffffffff0f', // 2^32 - 1
  'ffffffffffffff0f', // 2^53 - 1
  '8080808080808010', // 2^53
  'ffffffffffffffffff01', // 2^64 - 1
  'ffffffffffffffffffffffffffffffff', // without an end
  '8000', // 0, not in its shortest form
].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')))

/** The bytes with `length` of them at `at` replaced. */
export function replaced(
  bytes: Uint8Array,
  at: number,
  length: number,
  by: Uint8Array = new Uint8Array(0),
): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, at), ...by, ...bytes.subarray(at + length)])
}
