import type { Lease } from '@holdfast/archive'
import { describe, expect, test } from 'vitest'
import { compactNow, retireAll } from './build.js'
import { leaseOf, note, notes } from './names.js'
import { commit } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { Writer } from './writer.js'

const hourMs = 60 * 60 * 1000

/** Who reads, and how far they say they are. Only cost depends on it. */
export function describeLeases(contract: LogContract): void {
  describe('leases', () => {
    test(
      '[LOG-33] sent and ack start at the subscription’s cursor and never go back',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, ...Array.from({ length: 9 }, () => a.write('x')))
        const key = leaseOf(1)
        expect(await log.leases.start(key, 4)).toBe('started')
        expect(inShort(await log.leases.list(notes))).toEqual(['1/1 4 4 live active'])
        expect(await log.leases.ack(key, 4)).toBe('ok')
        expect(await log.leases.sent(key, 8)).toBe('ok')
        expect(await log.leases.sent(key, 6)).toBe('ok')
        expect(await log.leases.ack(key, 7)).toBe('ok')
        expect(await log.leases.ack(key, 5)).toBe('ok')
        expect(inShort(await log.leases.list(notes))).toEqual(['1/1 8 7 live active'])
        await expect(log.leases.start(leaseOf(2), 10)).rejects.toMatchObject({
          code: 'invalid-argument',
        })
      }),
    )

    test(
      '[L10] [I7] an ack above what was sent is refused and changes nothing',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('a'), a.write('b'), a.write('c'))
        const key = leaseOf(1)
        await log.leases.start(key, 0)
        await log.leases.sent(key, 2)
        expect(await log.leases.ack(key, 3)).toBe('ack-beyond-sent')
        expect(await log.leases.ack(key, 1_000_000_000)).toBe('ack-beyond-sent')
        expect(inShort(await log.leases.list(notes))).toEqual(['1/1 2 0 live active'])
        expect(await compactNow(log)).toMatchObject({ removed: 0, retained: 3 })
      }),
    )

    test(
      '[K24] a new instance ends its replica’s lease that is not live',
      onLog(contract, async ({ log }) => {
        await commit(log, new Writer(1).write('a'))
        const [first, second] = [leaseOf(1, 1), leaseOf(1, 2)]
        await log.leases.start(first, 0)
        await log.leases.live(first, false)
        expect(await log.leases.start(second, 0)).toBe('started')
        expect(inShort(await log.leases.list(notes))).toEqual(['1/2 0 0 live active'])
        expect(await log.leases.ack(first, 0)).toBe('lease-ended')
        expect(await log.leases.seen(first)).toBe('lease-ended')
        for (let reload = 3; reload < 200; reload++) {
          await log.leases.live(leaseOf(1, reload - 1), false)
          await log.leases.start(leaseOf(1, reload), 0)
        }
        expect((await log.statistics()).leases).toBe(1)
      }),
    )

    test(
      '[L11] beside a live instance of the same replica a newcomer has to mint a new replica id',
      onLog(contract, async ({ log }) => {
        await commit(log, new Writer(1).write('a'))
        await log.leases.start(leaseOf(1, 1), 0)
        expect(await log.leases.start(leaseOf(1, 2), 0)).toBe('replica-in-use')
        expect(inShort(await log.leases.list(notes))).toEqual(['1/1 0 0 live active'])
        // The same instance may come again, by another link; and anybody in another collection.
        expect(await log.leases.start(leaseOf(1, 1), 1)).toBe('started')
        expect(await log.leases.start(leaseOf(1, 2, 'others'), 0)).toBe('started')
        expect(inShort(await log.leases.list(notes))).toEqual(['1/1 1 1 live active'])
      }),
    )

    test(
      '[LOG-34] a lease ends when it is told to, and what ends it not twice',
      onLog(contract, async ({ log }) => {
        await commit(log, new Writer(1).write('a'))
        await log.leases.start(leaseOf(1), 0)
        await log.leases.end(leaseOf(1))
        await log.leases.end(leaseOf(1))
        expect(await log.leases.sent(leaseOf(1), 1)).toBe('lease-ended')
        expect(await log.leases.live(leaseOf(1), true)).toBe('lease-ended')
        expect(await log.leases.list(notes)).toEqual([])
      }),
    )

    test(
      '[L13] a peer that sleeps longer than the time-out loses time and nothing else',
      onLog(contract, async (subject) => {
        const { log } = subject
        const a = new Writer(1)
        await commit(log, a.write('a'), a.write('b'))
        const phone = new Reader()
        await phone.readPage(log, { maxEntries: 1 })
        const key = leaseOf(1)
        await log.leases.start(key, phone.seq)
        await log.leases.live(key, false)
        expect(await compactNow(log)).toMatchObject({ removed: 1, retained: 1 })
        await subject.advance(23 * hourMs)
        expect(await retireAll(log)).toMatchObject({ removed: 0, retained: 1 })
        await subject.advance(2 * hourMs)
        expect(inShort(await log.leases.list(notes))).not.toContain('1/1 1 1 active')
        expect(await retireAll(log)).toMatchObject({ removed: 1, retained: 0 })
        await commit(log, a.write('c'))
        expect((await phone.readAll(log)).textOf(note)).toBe('abc')
        expect(phone.received).toEqual(['row note-1@1', 'snapshot note-1@2', 'row note-1@3'])
      }),
    )

    test(
      '[LOG-35] a heartbeat, an ack and nothing else keep a lease active',
      onLog(contract, async (subject) => {
        const { log } = subject
        await commit(log, new Writer(1).write('a'))
        const keys = [leaseOf(1), leaseOf(2), leaseOf(3)] as const
        for (const key of keys) await log.leases.start(key, 0)
        for (const key of keys) await log.leases.sent(key, 1)
        await subject.advance(23 * hourMs)
        await log.leases.seen(keys[0])
        await log.leases.ack(keys[1], 1)
        await subject.advance(2 * hourMs)
        const active = (await log.leases.list(notes)).filter((lease) => lease.active)
        expect(inShort(active)).toEqual(['1/1 1 0 live active', '2/2 1 1 live active'])
        // What is neither live nor seen is forgotten when others come.
        await log.leases.live(keys[2], false)
        await log.leases.start(leaseOf(4), 0)
        expect((await log.leases.list(notes)).map(({ replica }) => replica.slice(-1))).toEqual([
          '1',
          '2',
          '4',
        ])
      }),
    )

    test(
      '[LOG-35] of those that are away the longest unseen are forgotten, and the others stay',
      onLog(contract, async (subject) => {
        const { log } = subject
        await commit(log, new Writer(1).write('a'))
        const keys = [leaseOf(1), leaseOf(2), leaseOf(3)] as const
        const held = async (): Promise<readonly string[]> =>
          (await log.leases.list(notes)).map(({ replica }) => replica.slice(-1)).toSorted()
        for (const key of keys) await log.leases.start(key, 0)
        for (const key of keys) await log.leases.live(key, false)
        await subject.advance(20 * hourMs)
        // It went first, and was seen since: those behind it are forgotten before it.
        await log.leases.seen(keys[0])
        // It came back.
        await log.leases.start(leaseOf(3, 2), 0)
        await subject.advance(5 * hourMs)
        await log.leases.start(leaseOf(4), 0)
        expect(await held()).toEqual(['1', '3', '4'])
        expect(await log.leases.ack(keys[1], 0)).toBe('lease-ended')
        await subject.advance(20 * hourMs)
        await log.leases.start(leaseOf(5), 0)
        expect(await held()).toEqual(['3', '4', '5'])
      }),
    )

    test(
      '[LOG-36] leases survive a restart, and nobody is live after it',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        await commit(subject.log, a.write('a'), a.write('b'))
        await subject.log.leases.start(leaseOf(1), 0)
        await subject.log.leases.sent(leaseOf(1), 2)
        await subject.log.leases.ack(leaseOf(1), 1)
        await subject.reopen()
        expect(inShort(await subject.log.leases.list(notes))).toEqual(['1/1 2 1 active'])
        expect(await subject.log.leases.start(leaseOf(1, 2), 0)).toBe('started')
      }),
    )

    test(
      '[K10] reading, acking and hinting leave no trace in a document',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('a'))
        const before = await log.state(notes, note)
        for (let load = 1; load <= 50; load++) {
          const reader = await new Reader().readAll(log)
          await log.leases.start(leaseOf(load), 0)
          await log.leases.sent(leaseOf(load), reader.seq)
          await log.leases.ack(leaseOf(load), reader.seq)
        }
        expect(await log.state(notes, note)).toEqual(before)
        expect(await log.head(notes)).toBe(1)
      }),
    )
  })
}

/** `replica/instance sent ack`, and what it is. */
function inShort(leases: readonly Lease[]): readonly string[] {
  return leases.map(({ replica, instance, sent, ack, live, active }) => {
    const numbers = `${lastDigit(replica)}/${lastDigit(instance)} ${sent} ${ack}`
    return `${numbers}${live ? ' live' : ''}${active ? ' active' : ''}`
  })
}

function lastDigit(id: string): string {
  return id.slice(-1)
}
