import { describe, expect, test } from 'vitest'
import { compactNow } from './build.js'
import { leaseOf, note, notes } from './names.js'
import { answers, commit } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { Writer } from './writer.js'

/** What a replica may lean on when it loses its own memory, or hears of an edit twice. */
export function describeReplicas(contract: LogContract): void {
  describe('for replicas', () => {
    test(
      '[L14] [I6] who lost a page before storing it is given it again: reading and sending move nothing',
      onLog(contract, async (subject) => {
        const { log } = subject
        const a = new Writer(1)
        await commit(log, a.write('1'), a.write('2'), a.write('3'))
        await log.leases.start(leaseOf(1), 0)
        const lost = await new Reader().readAll(log)
        await log.leases.sent(leaseOf(1), lost.seq)
        expect((await new Reader().readAll(log)).received).toEqual(lost.received)

        // Not even a compaction takes it away from a lease that has not acked, or after a restart.
        await compactNow(log)
        await subject.reopen()
        expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('123')
      }),
    )

    test(
      '[L30] what a replica uploads moves neither its sent nor its ack, and comes to it in the stream',
      onLog(contract, async ({ log }) => {
        const [a, b] = [new Writer(1), new Writer(2)]
        await log.leases.start(leaseOf(1), 0)
        await commit(log, a.write('a'))
        b.learn(...a.ops)
        await commit(log, b.write('b'), b.upload())
        expect(await log.leases.list(notes)).toMatchObject([{ sent: 0, ack: 0 }])
        expect(await log.leases.ack(leaseOf(1), 2)).toBe('ack-beyond-sent')
        expect((await new Reader().readAll(log)).received).toEqual(['row note-1@1', 'row note-1@2'])
      }),
    )

    test(
      '[L31] an outbox that is sent again after a crash is stored once, whatever had become durable',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const outbox = ['1', '2', '3', '4'].map((text) => a.write(text))
        await commit(subject.log, ...outbox.slice(0, 2))
        await subject.crash()
        expect(await answers(subject.log, ...outbox)).toEqual(['1=', '2=', '3', '4'])
        await subject.crash()
        expect(await answers(subject.log, ...outbox)).toEqual(['1=', '2=', '3=', '4='])
        expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('1234')
      }),
    )
  })
}
