import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeMessage,
  frameBounds,
  Joiner,
  messageBounds,
  Splitter,
  type FrameContent,
  type Lane,
} from '@holdfast/peer/protocol'
import { environment, numericSeed, toHex } from './hostile-runs.js'
import { bytes, exampleMessages } from './protocol-examples.js'

interface Sent {
  readonly lane: Lane
  readonly bytes: Uint8Array
}

const plenty = { live: 2 ** 30, bulk: 2 ** 30 }

function splitterOf(messages: readonly Sent[], maxFrameBytes = 1_024): Splitter {
  const splitter = new Splitter({ maxFrameBytes, maxQueuedBytes: plenty })
  for (const { lane, bytes } of messages) splitter.enqueue(bytes, lane)
  return splitter
}

/** All frames that a splitter has to give now. */
function framesOf(splitter: Splitter): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) frames.push(frame)
  return frames
}

/** What comes out of a joiner, as `told`, up to and with the code of the first refusal. */
function join(frames: readonly Uint8Array[], joiner = new Joiner()): string[] {
  const out: string[] = []
  for (const frame of frames) {
    const taken = joiner.take(frame, 0)
    if (!taken.ok) return [...out, taken.refusal.code]
    out.push(...toldOf(taken.value))
  }
  return out
}

function toldOf(content: FrameContent): string[] {
  return content.kind === 'received'
    ? []
    : content.messages.map((bytes) => told({ lane: content.lane, bytes }))
}

/** Lane and bytes, quick to compare. */
function told({ lane, bytes }: Sent): string {
  return `${lane} ${toHex(bytes)}`
}

const ofLane = (lane: Lane, all: readonly string[]) => all.filter((one) => one.startsWith(lane))

function message(length: number, fill: number, lane: Lane): Sent {
  return { lane, bytes: new Uint8Array(length).fill(fill) }
}

const anyMessage = fc
  .tuple(
    fc.constantFrom<Lane>('live', 'bulk'),
    fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5_000 })),
    fc.nat(255),
  )
  .map(([lane, length, fill]) => message(length, fill, lane))

/** The lanes of data frames, told by their first byte. */
function lanesOf(frames: readonly Uint8Array[]): Lane[] {
  return frames.map((frame) => ((frame[0] ?? 0) % 2 === 0 ? 'live' : 'bulk'))
}

/** Without the spaces. */
const hexOf = (spaced: string) => spaced.replaceAll(' ', '')

describe('the way through', () => {
  test('[FRAME-1] [FRAME-12] any messages arrive whole and in the order of their lane', () => {
    const { seed, runs } = environment({ seed: 'frames', runs: 300 })
    const anySize = fc.integer({ min: 1_024, max: 8_192 })
    // How many frames are taken between one message and the next: lanes meet in all ways.
    const anySteps = fc.array(fc.tuple(anyMessage, fc.nat(4)), { maxLength: 30 })
    fc.assert(
      fc.property(anySteps, anySize, (steps, maxFrameBytes) => {
        const splitter = splitterOf([], maxFrameBytes)
        const frames: Uint8Array[] = []
        for (const [{ lane, bytes }, taken] of steps) {
          splitter.enqueue(bytes, lane)
          for (let count = 0; count < taken; count++) frames.push(...[splitter.next() ?? []].flat())
        }
        frames.push(...framesOf(splitter))
        const joiner = new Joiner()
        const came = join(frames, joiner)
        const sent = steps.map(([one]) => told(one))
        expect(ofLane('live', came)).toStrictEqual(ofLane('live', sent))
        expect(ofLane('bulk', came)).toStrictEqual(ofLane('bulk', sent))
        expect(Math.max(0, ...frames.map(({ length }) => length))).toBeLessThanOrEqual(
          maxFrameBytes,
        )
        expect(joiner.receivedBytes).toBe(splitter.sentBytes)
        expect(joiner.heldBytes).toBe(0)
        expect(splitter.queuedBytes).toBe(0)
      }),
      { seed: numericSeed(seed), numRuns: runs },
    )
  })

  test('[FRAME-1] messages around the size of a frame arrive', () => {
    for (let length = 1_000; length < 1_040; length++) {
      const sent = [message(length, 1, 'bulk'), message(length * 2, 2, 'bulk')]
      expect(join(framesOf(splitterOf(sent)))).toStrictEqual(sent.map(told))
    }
  })

  test('[FRAME-1] the largest message arrives', () => {
    const largest = new Uint8Array(messageBounds.maxBytes)
    for (let at = 0; at < largest.length; at += 4_099) largest[at] = at % 251
    const splitter = splitterOf([{ lane: 'bulk', bytes: largest }], frameBounds.maxBytes)
    const joiner = new Joiner()
    const contents = framesOf(splitter).map((frame) => joiner.take(frame, 0))
    const came = contents.flatMap((one) =>
      one.ok && 'messages' in one.value ? one.value.messages : [],
    )
    expect(came).toHaveLength(1)
    expect(Buffer.compare(came[0] ?? bytes(''), largest)).toBe(0)
  })

  test('[FRAME-8] small messages share a frame, at most 256 of them', () => {
    const examples = exampleMessages.map((one) => ({
      lane: 'live' as const,
      bytes: encodeMessage(one),
    }))
    const frames = framesOf(splitterOf(examples, 16_384))
    expect(frames).toHaveLength(1)
    expect(join(frames)).toStrictEqual(examples.map(told))

    const many = Array.from({ length: 1_000 }, (_, n) => message(2, n % 256, 'live'))
    const shared = framesOf(splitterOf(many, 16_384))
    expect(shared).toHaveLength(4)
    expect(join(shared)).toStrictEqual(many.map(told))
  })

  test('[FRAME-8] a frame holds what fits and no more', () => {
    for (let length = 500; length < 520; length++) {
      const sent = [1, 2, 3, 4].map((fill) => message(length, fill, 'live'))
      const frames = framesOf(splitterOf(sent))
      expect(frames).toHaveLength(length <= 509 ? 2 : 4)
      expect(join(frames)).toStrictEqual(sent.map(told))
    }
    // The second one is a byte too long; alone, a message needs no length.
    const tight = framesOf(splitterOf([message(509, 1, 'live'), message(510, 2, 'live')]))
    expect(tight.map(({ length }) => length)).toStrictEqual([511, 512])
    const alone = framesOf(splitterOf([message(1_022, 1, 'live'), message(1_023, 2, 'live')]))
    expect(alone.map(({ length }) => length)).toStrictEqual([1_024, 1_024, 5])
  })
})

describe('the form of frames', () => {
  test('[FRAME-1] frames have the bytes that the document describes', () => {
    const splitter = splitterOf([])
    const next = (...sent: Sent[]) => {
      for (const one of sent) splitter.enqueue(one.bytes, one.lane)
      return toHex(splitter.next() ?? new Uint8Array(0))
    }
    expect(next(message(3, 0xaa, 'live'))).toBe(hexOf('00 00 aaaaaa'))
    expect(next(message(3, 0xbb, 'bulk'))).toBe(hexOf('01 01 bbbbbb'))
    expect(next(message(2, 0xaa, 'live'), message(1, 0xab, 'live'))).toBe(
      hexOf('02 02 02aaaa 01ab'),
    )
    expect(next(message(1_030, 0xbb, 'bulk'))).toBe(hexOf(`05 03 8608 ${'bb'.repeat(1_020)}`))
    splitter.acknowledge(300)
    expect(next()).toBe(hexOf('08 04 ac02'))
    expect(next()).toBe(hexOf(`07 05 ${'bb'.repeat(10)}`))
    expect(next()).toBe('')
  })

  test('[FRAME-9] a keystroke costs two to five bytes of frame', () => {
    const keystroke = message(40, 7, 'live')
    const splitter = splitterOf([])
    const overheads: number[] = []
    for (let number = 0; number <= 16_384; number++) {
      splitter.enqueue(keystroke.bytes, 'live')
      const frame = splitter.next()
      if ([0, 127, 128, 16_383, 16_384].includes(number)) overheads.push((frame?.length ?? 0) - 40)
    }
    // One byte more at 2^21 and at 2^28: below 268 million frames it is five.
    expect(overheads).toStrictEqual([2, 2, 3, 3, 4])
  })
})

describe('frames that do not come as they were sent', () => {
  const sent = [
    message(5_000, 1, 'bulk'),
    message(20, 2, 'live'),
    message(3_000, 3, 'bulk'),
    message(2_000, 4, 'live'),
  ]
  const frames = framesOf(splitterOf(sent))

  test('[L43] [FRAME-2] whichever frame is lost, the next one is refused, and nothing wrong is delivered', () => {
    for (let lost = 0; lost < frames.length - 1; lost++) {
      const came = join(frames.filter((_, index) => index !== lost))
      expect(came).toStrictEqual([...join(frames.slice(0, lost)), 'frame-lost'])
    }
  })

  test('[L43] [FRAME-2] a run of lost frames of any length is seen', () => {
    const many = framesOf(splitterOf(Array.from({ length: 700 }, () => message(1_000, 1, 'bulk'))))
    for (let lost = 1; lost < 690; lost++) {
      expect(join([...many.slice(0, 5), ...many.slice(5 + lost)]).at(-1)).toBe('frame-lost')
    }
  })

  test('[FRAME-2] a frame that comes twice, or before its turn, is refused', () => {
    for (let at = 0; at < frames.length - 1; at++) {
      const [one, next] = frames.slice(at, at + 2) as [Uint8Array, Uint8Array]
      const before = frames.slice(0, at)
      expect(join([...before, one, one]).at(-1)).toBe('frame-lost')
      expect(join([...before, next, one])).toStrictEqual([...join(before), 'frame-lost'])
    }
  })

  test('[FRAME-12] a refusal is for good', () => {
    const joiner = new Joiner()
    for (const frame of frames.slice(0, 2)) expect(joiner.take(frame, 0).ok).toBe(true)
    expect(joiner.heldBytes).toBeGreaterThan(0)
    const refused = joiner.take(frames[3] as Uint8Array, 0)
    expect(refused).toMatchObject({ ok: false, refusal: { code: 'frame-lost' } })
    expect(joiner.heldBytes).toBe(0)
    expect(joiner.deadlineMs).toBeUndefined()
    for (const frame of frames) expect(joiner.take(frame, 0)).toBe(refused)
    expect(joiner.expire(10 ** 9)).toBe(refused)
  })

  const wrong = {
    'an unknown kind': '09 00 01',
    'a number in a needlessly long form': '00 8000 01',
    'no number': '00',
    'nothing at all': '',
    'an empty message': '00 00',
    'an empty message among several': '02 00 01 aa 00',
    'one message as several': '02 00 01 aa',
    'none as several': '02 00',
    'a length that goes beyond the frame': '02 00 01 aa 05 bb',
    'a piece of nothing': '06 00 aa',
    'a first piece that is the whole': '04 00 02 aa bb',
    'a first piece that is more than the whole': '04 00 01 aa bb',
    'a first piece of nothing': '04 00 05',
    'a first piece of an empty message': '04 00 00',
    'an acknowledgement with something after it': '08 00 01 01',
    'an acknowledgement of nothing': '08 00',
  }
  test.for(Object.entries(wrong))('[FRAME-12] %s is malformed', ([, hex]) => {
    const result = new Joiner().take(bytes(hex), 0)
    expect(result).toMatchObject({ ok: false, refusal: { code: 'malformed' } })
  })

  test('[FRAME-5] in one lane a message is under way, or another comes: not both', () => {
    const start = bytes('04 00 05 aa aa')
    for (const next of ['00 01 aa', '02 01 01 aa 01 aa', '04 01 05 aa']) {
      expect(join([start, bytes(next)])).toStrictEqual(['malformed'])
    }
    expect(join([start, bytes('07 01 aa')])).toStrictEqual(['malformed'])
    expect(join([start, bytes('06 01')])).toStrictEqual(['malformed'])
    expect(join([start, bytes('06 01 aa aa aa aa')])).toStrictEqual(['malformed'])
    expect(join([start, bytes('01 01 bb'), bytes('06 02 aa aa aa')])).toStrictEqual([
      told(message(1, 0xbb, 'bulk')),
      told(message(5, 0xaa, 'live')),
    ])
  })
})

describe('limits', () => {
  test('[L43] every frame stays far below the sizes at which data channels fail', () => {
    // 262,144 bytes close a channel without a word.
    expect(frameBounds.maxBytes * 4).toBeLessThanOrEqual(262_144)
    const tooLarge = frameBounds.maxBytes + 1
    expect(() => splitterOf([], tooLarge)).toThrow(RangeError)
    expect(() => splitterOf([], frameBounds.minMaxBytes - 1)).toThrow(RangeError)
    expect(join([new Uint8Array(tooLarge)])).toStrictEqual(['too-large'])
    expect(join([new Uint8Array(101)], new Joiner({ maxFrameBytes: 100 }))).toStrictEqual([
      'too-large',
    ])
  })

  test('[FRAME-12] frames shrink when the other side wants them smaller', () => {
    const splitter = splitterOf([message(100_000, 1, 'bulk')], 65_536)
    const first = splitter.next()
    splitter.limitFrames(16_384)
    const rest = framesOf(splitter)
    expect(first?.length).toBe(65_536)
    expect(Math.max(...rest.map(({ length }) => length))).toBe(16_384)
    expect(join([first ?? bytes(''), ...rest])).toStrictEqual([told(message(100_000, 1, 'bulk'))])
  })

  test('[FRAME-12] a frame whose halves lie apart is the same frame, and copies nothing', () => {
    const long = message(100_000, 1, 'bulk')
    const whole = framesOf(splitterOf([long], 16_384))
    const splitter = splitterOf([long], 16_384)
    const apart: Uint8Array[] = []
    for (let head = splitter.next(true); head !== undefined; head = splitter.next(true)) {
      const { body } = splitter
      expect(body?.buffer).toBe(long.bytes.buffer)
      apart.push(Uint8Array.of(...head, ...(body ?? [])))
    }
    expect(apart).toStrictEqual(whole)
    expect(splitter.sentBytes).toBe(whole.reduce((sum, { length }) => sum + length, 0))
  })

  test('[K17] [FRAME-5] a message that announces too much is refused with its first frame', () => {
    const limits = { maxMessageBytes: { live: 100, bulk: 5_000 } }
    const announced = (kind: string, length: string) =>
      join([bytes(`${kind} 00 ${length} aa`)], new Joiner(limits))
    expect(announced('04', '64')).toStrictEqual([])
    expect(announced('04', '65')).toStrictEqual(['too-large'])
    expect(announced('05', '8827')).toStrictEqual([])
    expect(announced('05', '8927')).toStrictEqual(['too-large'])
    expect(announced('05', 'ffffffffffffff0f')).toStrictEqual(['too-large'])
    const whole = Uint8Array.of(0, 0, ...new Uint8Array(101).fill(1))
    expect(join([whole], new Joiner(limits))).toStrictEqual(['too-large'])
    expect(join([bytes('02 00 01 aa e807')], new Joiner(limits))).toStrictEqual(['too-large'])
  })

  test('[FRAME-5] limits grow when somebody has shown who it is', () => {
    const joiner = new Joiner({ maxMessageBytes: { live: 10, bulk: 10 } })
    expect(joiner.take(bytes(`00 00 ${'aa'.repeat(10)}`), 0).ok).toBe(true)
    joiner.limitMessages({ live: 20, bulk: 20 })
    expect(joiner.take(bytes(`00 01 ${'aa'.repeat(20)}`), 0).ok).toBe(true)
    expect(joiner.take(bytes(`00 02 ${'aa'.repeat(21)}`), 0).ok).toBe(false)
  })

  test('[K17] [FRAME-6] memory grows with what has come, not with what was announced', () => {
    const frames = framesOf(splitterOf([message(1_000_000, 1, 'bulk')], 16_384))
    const joiner = new Joiner()
    let held = 0
    for (const frame of frames.slice(0, -1)) {
      expect(joiner.take(frame, 0).ok).toBe(true)
      expect(joiner.heldBytes).toBeLessThanOrEqual(2 * joiner.receivedBytes)
      held = Math.max(held, joiner.heldBytes)
    }
    expect(held).toBe(1_000_000)
    joiner.take(frames.at(-1) as Uint8Array, 0)
    expect(joiner.heldBytes).toBe(0)
  })

  test('[FRAME-8] more messages in a frame than any splitter puts there are refused', () => {
    const [most, more] = [0, 1].map((add) =>
      bytes(`02 00 ${'01 aa '.repeat(frameBounds.maxMessages + add)}`),
    ) as [Uint8Array, Uint8Array]
    expect(join([most])).toHaveLength(frameBounds.maxMessages)
    expect(join([more])).toStrictEqual(['too-large'])
  })

  test('[FRAME-11] a lane takes what it may hold, and an empty one takes one message of any size', () => {
    const splitter = new Splitter({
      maxFrameBytes: 1_024,
      maxQueuedBytes: { live: 100, bulk: 1_000 },
    })
    const put = ({ bytes, lane }: Sent) => splitter.enqueue(bytes, lane)
    expect(put(message(5_000, 1, 'bulk'))).toBe(true)
    expect(put(message(1, 1, 'bulk'))).toBe(false)
    expect(put(message(60, 1, 'live'))).toBe(true)
    expect(put(message(41, 1, 'live'))).toBe(false)
    expect(put(message(40, 1, 'live'))).toBe(true)
    expect(splitter.queuedBytes).toBe(5_100)
    splitter.next()
    expect(splitter.lane('live')).toStrictEqual({ enqueuedBytes: 100, leftBytes: 100 })
    splitter.next()
    expect(splitter.lane('bulk')).toStrictEqual({ enqueuedBytes: 5_000, leftBytes: 1_020 })
    expect(put(message(1, 1, 'bulk'))).toBe(false)
    framesOf(splitter)
    expect(put(message(1, 1, 'bulk'))).toBe(true)
    expect(() => put(message(0, 0, 'live'))).toThrow(RangeError)
  })
})

describe('deadlines', () => {
  const [first, second, third] = framesOf(splitterOf([message(2_500, 1, 'bulk')])) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]

  test('[FRAME-7] a message that stops coming is refused at its deadline, not before', () => {
    const joiner = new Joiner({ stallMs: 1_000 })
    expect(joiner.deadlineMs).toBeUndefined()
    joiner.take(first, 5_000)
    expect(joiner.deadlineMs).toBe(6_000)
    joiner.take(second, 5_900)
    expect(joiner.deadlineMs).toBe(6_900)
    expect(joiner.expire(6_899)).toBeUndefined()
    expect(joiner.expire(6_900)).toMatchObject({ refusal: { code: 'timeout' } })
    expect(joiner.take(third, 6_901)).toMatchObject({ ok: false, refusal: { code: 'timeout' } })
    expect(joiner.heldBytes).toBe(0)
  })

  test('[FRAME-7] live data does not keep a bulk message alive, and a complete one has no deadline', () => {
    const joiner = new Joiner({ stallMs: 1_000 })
    joiner.take(first, 0)
    joiner.take(bytes('00 01 aa'), 900)
    expect(joiner.deadlineMs).toBe(1_000)
    expect(joiner.expire(1_000)).toMatchObject({ refusal: { code: 'timeout' } })

    const whole = new Joiner({ stallMs: 1_000 })
    for (const frame of [first, second, third]) whole.take(frame, 0)
    expect(whole.deadlineMs).toBeUndefined()
    expect(whole.expire(10 ** 9)).toBeUndefined()
  })
})

describe('who goes first', () => {
  test('[FRAME-3] a live message goes between two pieces of a bulk message', () => {
    const splitter = splitterOf([message(5_000, 1, 'bulk')])
    const before = [splitter.next(), splitter.next()] as Uint8Array[]
    splitter.enqueue(new Uint8Array(30).fill(2), 'live')
    const after = framesOf(splitter)
    expect(lanesOf([...before, ...after])).toStrictEqual([
      'bulk',
      'bulk',
      'live',
      'bulk',
      'bulk',
      'bulk',
    ])
    expect(join([...before, ...after])).toStrictEqual([
      told(message(30, 2, 'live')),
      told(message(5_000, 1, 'bulk')),
    ])
  })

  test('[FRAME-4] live data without an end leaves bulk a fifth of the frames', () => {
    const splitter = splitterOf([message(20_000, 1, 'bulk')])
    const frames: Uint8Array[] = []
    while (splitter.lane('bulk').leftBytes < 20_000 && frames.length < 1_000) {
      splitter.enqueue(new Uint8Array(1_000).fill(2), 'live')
      splitter.enqueue(new Uint8Array(1_000).fill(2), 'live')
      frames.push(splitter.next() ?? bytes(''))
    }
    const lanes = lanesOf(frames)
    const runs = lanes
      .join(' ')
      .split('bulk')
      .map((run) => run.trim().split(' ').length)
    expect(Math.max(...runs)).toBeLessThanOrEqual(frameBounds.liveFramesPerBulkFrame + 1)
    expect(lanes.filter((lane) => lane === 'bulk')).toHaveLength(20)
  })

  test('[FRAME-4] what live data sent before bulk waited does not count', () => {
    const splitter = splitterOf(Array.from({ length: 50 }, () => message(1_000, 2, 'live')))
    for (let count = 0; count < 40; count++) splitter.next()
    splitter.enqueue(new Uint8Array(10).fill(1), 'bulk')
    expect(lanesOf([splitter.next()] as Uint8Array[])).toStrictEqual(['live'])
  })
})

describe('acknowledgements', () => {
  test('[FRAME-10] an acknowledgement leaves first, once, with the latest number', () => {
    const splitter = splitterOf([message(10, 1, 'live')])
    splitter.acknowledge(1_000)
    splitter.acknowledge(2_000)
    const joiner = new Joiner()
    const contents = framesOf(splitter).map((frame) => joiner.take(frame, 0))
    expect(contents).toMatchObject([
      { ok: true, value: { kind: 'received', bytes: 2_000 } },
      { ok: true, value: { kind: 'messages', lane: 'live' } },
    ])
  })

  test('[FRAME-10] both sides count data frames alone, so acknowledging is not acknowledged', () => {
    const splitter = splitterOf([message(5_000, 1, 'bulk'), message(30, 2, 'live')])
    const joiner = new Joiner()
    for (let round = 0; round < 10; round++) {
      splitter.acknowledge(round)
      for (const frame of [splitter.next(), splitter.next()]) {
        if (frame !== undefined) joiner.take(frame, 0)
      }
    }
    expect(splitter.queuedBytes).toBe(0)
    expect(joiner.receivedBytes).toBe(splitter.sentBytes)
    const before = splitter.sentBytes
    splitter.acknowledge(99)
    expect(joiner.take(splitter.next() ?? bytes(''), 0).ok).toBe(true)
    expect([splitter.sentBytes, joiner.receivedBytes]).toStrictEqual([before, before])
  })
})
