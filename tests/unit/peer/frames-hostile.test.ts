import { expect, test } from 'vitest'
import { Joiner, Splitter } from '@holdfast/peer/protocol'
import type { SeededRandom } from '@holdfast/peer/testing'
import { bytesAllocatedBy, damage, hostileRuns, toHex, within50Ms } from './hostile-runs.js'

const limits = { live: 4_000, bulk: 40_000 }

test('[K13] [FRAME-12] [FRAME-6] damaged frames and noise end in contents or a refusal, within the limits', () => {
  const refused: boolean[] = []
  hostileRuns({
    seed: 'hostile frames',
    runs: 4_000,
    make: hostileFrames,
    show: (frames) => frames.map(toHex).join(' '),
    check: (frames) => refused.push(take(frames)),
  })
  // Both happened: the damage is neither always fatal nor always harmless.
  expect(new Set(refused).size).toBe(2)
})

test('[K17] [FRAME-6] frames that announce the largest messages allocate in proportion', () => {
  const frames = ['04 00 80804c', '05 00 8080c024'].map((start) =>
    Uint8Array.from(Buffer.from(`${start} ${'aa'.repeat(100)}`.replaceAll(' ', ''), 'hex')),
  )
  const joiners = () => frames.map(() => new Joiner())
  for (const [index, joiner] of joiners().entries()) {
    const frame = frames[index] as Uint8Array
    const tries = [0, 1, 2].map(() => bytesAllocatedBy(() => joiner.take(frame, 0)))
    expect(Math.min(...tries)).toBeLessThan(32_768)
  }
})

/** Takes all frames, and says whether one was refused. */
function take(frames: readonly Uint8Array[]): boolean {
  const joiner = new Joiner({ maxFrameBytes: 2_000, maxMessageBytes: limits })
  for (const frame of frames) {
    const result = within50Ms(() => joiner.take(frame, 0))
    if (!result.ok) {
      if (!/^[ -~]{1,200}$/.test(result.refusal.detail)) throw new Error(result.refusal.detail)
      if (joiner.heldBytes !== 0) throw new Error('refused, and memory is held')
      return true
    }
    if (joiner.heldBytes > 2 * joiner.receivedBytes) throw new Error('held more than twice')
    if (result.value.kind === 'received') continue
    const { lane, messages } = result.value
    for (const { length } of messages) {
      if (length === 0 || length > limits[lane]) throw new Error(`a message of ${length} bytes`)
    }
  }
  return false
}

/** The frames of a few messages, of which some have been damaged, lost, doubled or swapped. */
function hostileFrames(random: SeededRandom): Uint8Array[] {
  const frames = framesOfSomething(random)
  const at = random.uint32() % frames.length
  const frame = frames[at] as Uint8Array
  switch (random.uint32() % 6) {
    case 0:
      return frames.toSpliced(at, 1)
    case 1:
      return frames.toSpliced(at, 0, frame)
    case 2:
      return [...frames.slice(at), ...frames.slice(0, at)]
    case 3:
      return frames.toSpliced(at, 1, random.bytes(random.uint32() % 100))
    default:
      return frames.toSpliced(at, 1, damage(frame, frames, random))
  }
}

function framesOfSomething(random: SeededRandom): Uint8Array[] {
  const splitter = new Splitter({
    maxFrameBytes: 1_024,
    maxQueuedBytes: { live: 100_000, bulk: 100_000 },
  })
  for (let count = 1 + (random.uint32() % 5); count > 0; count--) {
    const length = 1 + (random.uint32() % (random.chance(0.3) ? 3_000 : 60))
    splitter.enqueue(random.bytes(length), random.chance(0.5) ? 'live' : 'bulk')
  }
  if (random.chance(0.3)) splitter.acknowledge(random.uint32())
  const frames: Uint8Array[] = []
  for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) frames.push(frame)
  return frames
}
