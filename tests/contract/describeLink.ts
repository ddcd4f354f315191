import { maxUnheardBytes, type Link, type LinkClosed } from '@holdfast/peer/ports'
import { describe, expect, test } from 'vitest'

/** Two ends of one fresh link, both open, on a path that loses nothing. */
export interface LinkSubject {
  readonly a: Link
  readonly b: Link
  /** Waits until the condition holds: by virtual time in a simulator, else against a deadline. */
  readonly until: (condition: () => boolean) => Promise<void>
  /** Gives back everything that the setup took. */
  readonly close: () => void | Promise<void>
  /** Breaks the pipe below both ends, where the setup can. */
  readonly sever?: () => void
}

/**
 * The contract of the `Link` port: every kind of link passes it, unchanged.
 *
 * @param kind for the titles: whose links these are
 */
export function describeLink(
  kind: string,
  setup: () => LinkSubject | Promise<LinkSubject>,
  { canSever = false }: { readonly canSever?: boolean } = {},
): void {
  const withLink = (check: (subject: LinkSubject) => Promise<void>) => async () => {
    const subject = await setup()
    try {
      await check(subject)
    } finally {
      await subject.close()
    }
  }

  describe(`a ${kind} link`, () => {
    test(
      '[LINK-1] frames arrive whole, unchanged, once and in the order of sending',
      withLink(async ({ a, b, until }) => {
        const sent = Array.from({ length: 200 }, (_, index) => frameOf(index, (index * 37) % 3_000))
        const received = framesOf(b)
        for (const frame of sent) a.send(frame.slice())
        await until(() => received.length >= sent.length)
        expect(received.map(described)).toEqual(sent.map(described))
      }),
    )

    test(
      '[LINK-2] both directions carry frames at the same time',
      withLink(async ({ a, b, until }) => {
        const atA = framesOf(a)
        const atB = framesOf(b)
        for (let index = 0; index < 50; index++) {
          a.send(frameOf(index, 100))
          b.send(frameOf(index + 100, 100))
        }
        await until(() => atA.length >= 50 && atB.length >= 50)
        expect(atA.map((frame) => frame[0])).toEqual(Array.from({ length: 50 }, (_, i) => i + 100))
        expect(atB.map((frame) => frame[0])).toEqual(Array.from({ length: 50 }, (_, i) => i))
      }),
    )

    test(
      '[LINK-3] an empty frame and one of maxFrameBytes are frames like any other',
      withLink(async ({ a, b, until }) => {
        const received = framesOf(b)
        a.send(new Uint8Array(0))
        a.send(frameOf(7, a.maxFrameBytes))
        a.send(new Uint8Array(0))
        await until(() => received.length >= 3)
        expect(received.map((frame) => frame.byteLength)).toEqual([0, a.maxFrameBytes, 0])
        expect(received.map(described)[1]).toBe(described(frameOf(7, a.maxFrameBytes)))
      }),
    )

    test(
      '[LINK-4] [L23] of a view only its own bytes are sent, and a received frame has no others',
      withLink(async ({ a, b, until }) => {
        const pool = new Uint8Array(4_096).fill(0xee)
        pool.set([1, 2, 3], 1_000)
        const received = framesOf(b)
        a.send(pool.subarray(1_000, 1_003))
        await until(() => received.length >= 1)
        expect(received).toEqual([Uint8Array.of(1, 2, 3)])
        expect([...new Uint8Array(received[0]?.buffer ?? new ArrayBuffer(0))]).not.toContain(0xee)
      }),
    )

    test(
      '[LINK-5] no listener runs inside a call of send, close, onFrame or onClose',
      withLink(async ({ a, b, until }) => {
        let isInside = false
        const heardInside: string[] = []
        const heard: string[] = []
        const inside = (call: () => void): void => {
          isInside = true
          call()
          isInside = false
        }
        const hear = (what: string) => (): void => {
          heard.push(what)
          if (isInside) heardInside.push(what)
        }
        // Arrives before b listens: kept frames must not be handed out inside onFrame either.
        a.send(frameOf(1, 10))
        b.send(frameOf(1, 10))
        inside(() => a.onFrame(hear('frame at a')))
        await until(() => heard.includes('frame at a'))
        inside(() => b.onFrame(hear('frame at b')))
        inside(() => a.send(frameOf(2, 10)))
        await until(() => heard.filter((what) => what === 'frame at b').length === 2)
        inside(() => a.onClose(hear('close at a')))
        inside(() => b.onClose(hear('close at b')))
        inside(() => a.close())
        await until(() => heard.includes('close at a') && heard.includes('close at b'))
        inside(() => a.onClose(hear('late close at a')))
        await until(() => heard.includes('late close at a'))
        expect(heardInside).toEqual([])
      }),
    )

    test(
      '[LINK-6] a frame above maxFrameBytes closes the link as failed, and throws nothing',
      withLink(async ({ a, b, until }) => {
        const atA = closesOf(a)
        const atB = closesOf(b)
        const received = framesOf(b)
        a.send(new Uint8Array(a.maxFrameBytes + 1))
        await until(() => atA.length >= 1 && atB.length >= 1)
        expect(atA[0]?.by).toBe('failed')
        expect(atB[0]?.by).not.toBe('local')
        expect(received).toEqual([])
      }),
    )

    test(
      '[LINK-7] send on a closed link does nothing',
      withLink(async ({ a, b, until }) => {
        const received = framesOf(b)
        const atA = closesOf(a)
        const atB = closesOf(b)
        a.close()
        a.send(frameOf(1, 10))
        a.send(new Uint8Array(a.maxFrameBytes + 1))
        await until(() => atA.length >= 1 && atB.length >= 1)
        a.send(frameOf(2, 10))
        b.send(frameOf(3, 10))
        expect(received).toEqual([])
        expect(atA).toMatchObject([{ by: 'local' }])
        expect(a.bufferedBytes).toBe(0)
      }),
    )

    test(
      '[LINK-8] frames that arrive while nobody listens are kept for the next listener, in order',
      withLink(async ({ a, b, until }) => {
        const fence = framesOf(a)
        for (let index = 0; index < 20; index++) a.send(frameOf(index, 100))
        // b has heard all that was sent before by the time its own frame is through.
        b.send(frameOf(0, 1))
        await until(() => fence.length >= 1)
        const first: number[] = []
        const undo = b.onFrame((frame) => first.push(frame[0] ?? -1))
        await until(() => first.length >= 20)
        undo()
        for (let index = 20; index < 40; index++) a.send(frameOf(index, 100))
        b.send(frameOf(0, 1))
        await until(() => fence.length >= 2)
        const second: number[] = []
        b.onFrame((frame) => second.push(frame[0] ?? -1))
        a.send(frameOf(40, 100))
        await until(() => second.length >= 21)
        expect([...first, ...second]).toEqual(Array.from({ length: 41 }, (_, index) => index))
      }),
    )

    test(
      '[LINK-9] more than maxUnheardBytes with nobody listening closes the link as failed',
      withLink(async ({ a, b, until }) => {
        const atB = closesOf(b)
        const atA = closesOf(a)
        const frameBytes = Math.min(a.maxFrameBytes, 65_536)
        for (let bytes = 0; bytes <= maxUnheardBytes; bytes += frameBytes) {
          a.send(frameOf(1, frameBytes))
        }
        await until(() => atB.length >= 1 && atA.length >= 1)
        expect(atB[0]?.by).toBe('failed')
        expect(atA[0]?.by).not.toBe('local')
      }),
    )

    test(
      '[LINK-10] each close listener is told once, also one that is added after the close',
      withLink(async ({ a, b, until }) => {
        const early = closesOf(a)
        const atB = closesOf(b)
        const undone: LinkClosed[] = []
        a.onClose((closed) => undone.push(closed))()
        a.close('enough')
        a.close('a second time')
        b.close('crossing')
        await until(() => early.length >= 1 && atB.length >= 1)
        const late = closesOf(a)
        const lateAtB = closesOf(b)
        await until(() => late.length >= 1 && lateAtB.length >= 1)
        a.close('a third time')
        const fence = closesOf(a)
        await until(() => fence.length >= 1)
        expect(early).toEqual([{ by: 'local', reason: 'enough' }])
        expect(late).toEqual(early)
        expect(lateAtB).toEqual(atB)
        expect(atB).toHaveLength(1)
        expect(undone).toEqual([])
      }),
    )

    test(
      '[LINK-11] a close is heard at both ends: as local here, as remote or failed there',
      withLink(async ({ a, b, until }) => {
        const atA = closesOf(a)
        const atB = closesOf(b)
        b.close('done')
        await until(() => atA.length >= 1 && atB.length >= 1)
        expect(atB).toEqual([{ by: 'local', reason: 'done' }])
        expect(['remote', 'failed']).toContain(atA[0]?.by)
      }),
    )

    test(
      '[LINK-12] no frame follows a close, neither at the one who closed nor at the other',
      withLink(async ({ a, b, until }) => {
        const atA: string[] = []
        const atB: string[] = []
        a.onFrame(() => atA.push('frame'))
        a.onClose(() => atA.push('close'))
        b.onFrame(() => atB.push('frame'))
        b.onClose(() => atB.push('close'))
        for (let index = 0; index < 20; index++) {
          a.send(frameOf(index, 100))
          b.send(frameOf(index, 100))
        }
        b.close()
        const heardByB = atB.length
        await until(() => atA.includes('close') && atB.includes('close'))
        expect(atA.indexOf('close')).toBe(atA.length - 1)
        expect(atB.slice(heardByB)).toEqual(['close'])
      }),
    )

    test(
      '[LINK-13] what was sent before a close arrives as the beginning of what was sent, if at all',
      withLink(async ({ a, b, until }) => {
        const received = framesOf(b)
        const atB = closesOf(b)
        const sent = Array.from({ length: 50 }, (_, index) => frameOf(index, 500))
        for (const frame of sent) a.send(frame.slice())
        a.close()
        await until(() => atB.length >= 1)
        expect(received.map(described)).toEqual(sent.slice(0, received.length).map(described))
      }),
    )

    test(
      '[LINK-14] bufferedBytes is a whole number from 0, and 0 again when all has arrived',
      withLink(async ({ a, b, until }) => {
        const received = framesOf(b)
        const seen: number[] = [a.bufferedBytes]
        for (let index = 0; index < 20; index++) {
          a.send(frameOf(index, 1_000))
          seen.push(a.bufferedBytes)
        }
        await until(() => received.length >= 20 && a.bufferedBytes === 0)
        expect(seen.every((bytes) => Number.isInteger(bytes) && bytes >= 0)).toBe(true)
        expect(Math.max(...seen)).toBeLessThanOrEqual(20_000 + 20 * 64)
      }),
    )

    test(
      '[LINK-15] what a receiver does to a frame reaches nobody else',
      withLink(async ({ a, b, until }) => {
        const sent = frameOf(5, 64)
        const original = sent.slice()
        let count = 0
        b.onFrame((frame) => {
          frame.fill(0)
          count++
        })
        a.send(sent)
        await until(() => count >= 1)
        // A link may have taken the bytes away altogether; it may not have changed them.
        expect([0, original.byteLength]).toContain(sent.byteLength)
        if (sent.byteLength > 0) expect(sent).toEqual(original)
      }),
    )

    test(
      '[LINK-16] an undone frame listener hears nothing more, the others go on',
      withLink(async ({ a, b, until }) => {
        const kept = framesOf(b)
        const undone: Uint8Array[] = []
        const undo = b.onFrame((frame) => undone.push(frame))
        a.send(frameOf(1, 10))
        await until(() => kept.length >= 1 && undone.length >= 1)
        undo()
        undo()
        a.send(frameOf(2, 10))
        await until(() => kept.length >= 2)
        expect(undone).toHaveLength(1)
      }),
    )

    if (canSever) {
      test(
        '[LINK-17] a pipe that breaks is heard at both ends as failed',
        withLink(async ({ a, b, until, sever }) => {
          const atA = closesOf(a)
          const atB = closesOf(b)
          if (sever === undefined) throw new Error('the setup said that it can sever')
          sever()
          await until(() => atA.length >= 1 && atB.length >= 1)
          expect([atA, atB]).toMatchObject([[{ by: 'failed' }], [{ by: 'failed' }]])
        }),
      )
    }
  })
}

/** `bytes` bytes that begin with `first` and differ from each other. */
function frameOf(first: number, bytes: number): Uint8Array {
  const frame = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) frame[at] = (first + at * 31) & 0xff
  return frame
}

/** Length and a hash over bytes and places: comparing frames letter by letter takes seconds. */
function described(frame: Uint8Array): string {
  let hash = 0
  for (let at = 0; at < frame.byteLength; at++) {
    hash = (Math.imul(hash, 0x01000193) ^ (frame[at] as number)) >>> 0
  }
  return `${frame.byteLength} bytes, ${hash.toString(16)}`
}

/** All frames that this end hears from now on. */
function framesOf(link: Link): Uint8Array[] {
  const frames: Uint8Array[] = []
  link.onFrame((frame) => frames.push(frame))
  return frames
}

/** Each time that this end is told that it has closed. */
function closesOf(link: Link): LinkClosed[] {
  const closes: LinkClosed[] = []
  link.onClose((closed) => closes.push(closed))
  return closes
}
