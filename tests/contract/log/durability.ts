import { LogError } from '@holdfast/archive'
import { describe, expect, test } from 'vitest'
import { note, notes } from './names.js'
import { answers, commit, commitsOf } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract, type LogSubject } from './subject.js'
import { asUpload, Writer } from './writer.js'

/** When something is there: after it is durable, and whatever happens then. */
export function describeDurability(contract: LogContract): void {
  describe('durability', () => {
    test(
      '[I2] [L31] what was answered is there after a crash, and numbering goes on behind it',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        await commit(subject.log, a.write('a'), a.write('b'))
        await subject.crash()
        expect(await subject.log.head(notes)).toBe(2)
        expect(await answers(subject.log, a.write('c'))).toEqual(['3'])
        expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('abc')
      }),
    )

    test(
      '[LOG-7] after a restart everything is judged as before: contents, ids, authors, gaps',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const [first, missing, last] = [a.write('1'), a.write('2'), a.write('3')]
        await commit(subject.log, first, last)
        await subject.crash()
        const stranger = new Writer(2, { clientId: 1 })
        const forged = { ...first, bytes: stranger.write('other').bytes }
        expect(
          await answers(subject.log, first, asUpload(first), last, forged, missing, last),
        ).toEqual(['1=', '2=', '2=', 'rekey', '3', '2='])
        expect((await subject.log.latest(notes, note.id))?.gapped).toBe(false)
      }),
    )

    if (contract.canHold === true) {
      test(
        '[L15] [I1] nothing is answered, announced or read before it is durable',
        onLog(contract, async (subject) => {
          const { log } = subject
          const a = new Writer(1)
          await commit(log, a.write('durable'))
          const commits = commitsOf(log)
          const held = holdBack(subject)
          let answered = false
          const append = async () => {
            const committed = await commit(log, a.write(' not yet'))
            answered = true
            return committed
          }
          const pending = append()
          await held.waiting
          expect(await log.head(notes)).toBe(1)
          expect((await new Reader().readAll(log)).textOf(note)).toBe('durable')
          expect((await log.state(notes, note))?.through).toBe(1)
          expect((await log.latest(notes, note.id))?.lastSeq).toBe(1)
          expect({ answered, commits }).toEqual({ answered: false, commits: [] })
          held.release()
          expect((await pending).map(({ seq }) => seq)).toEqual([2])
          expect(await log.head(notes)).toBe(2)
        }),
      )

      test(
        '[L15] [L4] what was not durable when the process died was never there, and was answered by nobody',
        onLog(contract, async (subject) => {
          const a = new Writer(1)
          const [durable, lost] = [a.write('durable'), a.write(' lost')]
          await commit(subject.log, durable)
          const held = holdBack(subject)
          const pending = subject.log.append([lost])
          await held.waiting
          await subject.crash()
          held.release()
          await expect(pending).rejects.toMatchObject({ name: 'LogError' })
          expect(await subject.log.head(notes)).toBe(1)
          expect(await answers(subject.log, lost)).toEqual(['2'])
        }),
      )

      test(
        '[LOG-8] all that comes while a group is being written goes into the next, in order',
        onLog(contract, async (subject) => {
          const { log } = subject
          const a = new Writer(1)
          const held = holdBack(subject)
          const first = commit(log, a.write('0'))
          await held.waiting
          const others = Array.from({ length: 9 }, (_, at) => commit(log, a.write(`${at + 1}`)))
          held.release()
          const seqs = (await Promise.all([first, ...others])).flat().map(({ seq }) => seq)
          expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
          const { groups, lastGroupOps } = await log.statistics()
          expect({ groups: groups <= 3, lastGroupOps }).toEqual({ groups: true, lastGroupOps: 9 })
        }),
      )
    }

    if (contract.canFail === true) {
      test(
        '[L47] what is contained in a group shares its outcome: it fails with it, and is stored when it comes again',
        onLog(contract, async (subject) => {
          const { log } = subject
          const a = new Writer(1)
          const op = a.write('a')
          fail(subject, 'storage-failed')
          const calls = [log.append([op]), log.append([asUpload(op)]), log.append([op])]
          const settled = await Promise.allSettled(calls)
          for (const one of settled) expect(one).toMatchObject({ status: 'rejected' })
          expect(await log.head(notes)).toBe(0)
          expect(await answers(log, asUpload(op), op)).toEqual(['1', '1='])
          expect((await new Reader().readAll(log)).textOf(note)).toBe('a')
        }),
      )

      test(
        '[L33] memory is not ahead of a group that failed: numbers, contents, ids, authors, gaps',
        onLog(contract, async (subject) => {
          const { log } = subject
          const a = new Writer(1)
          const [one, two, three] = [a.write('1'), a.write('2'), a.write('3')]
          await commit(log, one)
          fail(subject, 'storage-failed')
          await expect(log.append([three])).rejects.toBeInstanceOf(LogError)
          expect((await log.latest(notes, note.id))?.gapped).toBe(false)
          const namesake = new Writer(2, { clientId: 3 })
          fail(subject, 'storage-failed')
          await expect(log.append([namesake.write('x')])).rejects.toBeInstanceOf(LogError)
          // Nothing of the failed ones binds anybody: another may take the clientID and the id.
          const later = new Writer(4, { clientId: 3 })
          expect(await answers(log, two, three, later.write('y'))).toEqual(['2', '3', '4'])
        }),
      )

      test(
        '[I14] [LOG-9] a full disk is told as such, nothing of the call is stored, and the next succeeds',
        onLog(contract, async (subject) => {
          const { log } = subject
          const a = new Writer(1)
          await commit(log, a.write('a'))
          const commits = commitsOf(log)
          fail(subject, 'storage-full')
          const op = a.write('b')
          await expect(log.append([op])).rejects.toMatchObject({
            name: 'LogError',
            code: 'storage-full',
          })
          expect(commits).toEqual([])
          expect((await new Reader().readAll(log)).textOf(note)).toBe('a')
          expect(await answers(log, op)).toEqual(['2'])
          await subject.crash()
          expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('ab')
        }),
      )
    }
  })
}

function holdBack({ hold }: LogSubject): ReturnType<NonNullable<LogSubject['hold']>> {
  if (hold === undefined) throw new Error('this subject cannot hold groups back')
  return hold()
}

function fail({ failNext }: LogSubject, code: 'storage-full' | 'storage-failed'): void {
  if (failNext === undefined) throw new Error('this subject cannot fail')
  failNext(code)
}
