import { GrowingCoverage, readUpdate } from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import * as Y from 'yjs'

/** What reading updates costs, beside what Yjs takes to decode the same bytes in the same run. */
export interface ReaderFigures {
  readonly keystrokes: number
  /** One keystroke's update: read; read and added to what its document holds; decoded by Yjs. */
  readonly keystrokeReadMicros: number
  readonly keystrokeAddedMicros: number
  readonly keystrokeByYjsMicros: number
  /** The same keystrokes merged into one update. */
  readonly logBytes: number
  readonly logStructs: number
  readonly logReadMs: number
  readonly logByYjsMs: number
}

/**
 * Someone types, jumps, deletes: 182,000 keystrokes give about 3 MB of log. Each figure is the best
 * of some rounds, after warming up: what the code costs, not what else the machine was doing.
 */
export function measureReader(keystrokes = 182_000, rounds = 7): ReaderFigures {
  const updates = typing(keystrokes)
  const log = mergedInTree(updates)
  const keystroke = (read: (update: Uint8Array) => unknown): number =>
    (bestMs(rounds, () => updates.forEach((update) => read(update))) / updates.length) * 1000
  return {
    keystrokes: updates.length,
    keystrokeReadMicros: keystroke(readUpdate),
    keystrokeAddedMicros:
      (bestMs(rounds, () => {
        const held = new GrowingCoverage()
        for (const update of updates) add(held, update)
      }) /
        updates.length) *
      1000,
    keystrokeByYjsMicros: keystroke(Y.decodeUpdate),
    logBytes: log.length,
    logStructs: Y.decodeUpdate(log).structs.length,
    logReadMs: bestMs(rounds, () => readUpdate(log)),
    logByYjsMs: bestMs(rounds, () => Y.decodeUpdate(log)),
  }
}

function add(held: GrowingCoverage, update: Uint8Array): void {
  const parsed = readUpdate(update)
  if (!parsed.ok) throw new Error(`a keystroke was refused: ${parsed.refusal.detail}`)
  if (!held.contains(parsed.value)) held.add(parsed.value)
}

function typing(keystrokes: number): Uint8Array[] {
  const random = new SeededRandom('typing')
  const doc = new Y.Doc()
  doc.clientID = random.uint32()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  const text = doc.getText('text')
  let cursor = 0
  while (updates.length < keystrokes) {
    if (random.chance(0.03)) cursor = random.below(text.length + 1)
    if (random.chance(0.15) && cursor > 0) text.delete(--cursor, 1)
    else text.insert(cursor++, 'x')
  }
  doc.destroy()
  return updates
}

/** Flat merging costs the square of the number. */
function mergedInTree(updates: readonly Uint8Array[]): Uint8Array {
  let level = [...updates]
  while (level.length > 1) {
    const next: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 32) next.push(Y.mergeUpdates(level.slice(i, i + 32)))
    level = next
  }
  return level[0] ?? new Uint8Array([0, 0])
}

function bestMs(rounds: number, work: () => unknown): number {
  let best = Infinity
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    work()
    best = Math.min(best, performance.now() - start)
  }
  return best
}
