import { LogError, type AppendOutcome } from '@holdfast/archive'
import type { LiveOp } from '../../contract/log/writer.js'
import { Model } from './model.js'
import type { LogRun } from './run.js'

export async function crash(run: LogRun): Promise<void> {
  await run.subject.crash()
  run.note('crash')
  run.reopened()
}

/** Ops are on their way when the process dies: what was answered all the same is owed. */
export async function crashUnderWay(run: LogRun): Promise<void> {
  const held = run.subject.hold?.()
  const calls = [run.pickOps(), run.pickOps()].map((ops) => new Call(run, ops))
  const settled = Promise.all(calls.map((call) => call.settled))
  // If there is nothing to write, nothing waits.
  if (held !== undefined) await Promise.race([held.waiting, settled])
  await run.subject.crash()
  held?.release()
  for (const { ops, outcomes } of calls) {
    if (outcomes !== undefined) await run.answered(ops, outcomes)
  }
  run.note('crash with ops under way')
  run.reopened()
}

export async function restart(run: LogRun): Promise<void> {
  await run.subject.reopen()
  run.note('restart')
  run.reopened()
}

export async function copy(run: LogRun): Promise<void> {
  run.backup = { files: await run.subject.backup(), model: new Model(run.model) }
  run.note('copy')
}

/** What the copy did not have is not owed any more; whoever has it will bring it. */
export async function restore(run: LogRun): Promise<void> {
  if (run.backup === undefined) return
  await run.subject.restore(run.backup.files)
  run.model = new Model(run.backup.model)
  run.built = []
  run.published = []
  run.note('restore')
  run.reopened()
}

/** A minute, most of an hour, or a day and a half: gaps age and leases end. */
export async function pass(run: LogRun): Promise<void> {
  const minutes = run.random.pick([1, 40, 2_000])
  await run.subject.advance(minutes * 60_000)
  run.note('time', `${minutes} minutes`)
}

/** Ops that were given to a log which may die before it answers, or without answering ever. */
class Call {
  readonly ops: readonly LiveOp[]
  readonly settled: Promise<void>
  outcomes: readonly AppendOutcome[] | undefined

  constructor(run: LogRun, ops: readonly LiveOp[]) {
    this.ops = ops
    this.settled = this.#append(run)
  }

  async #append({ log }: LogRun): Promise<void> {
    try {
      this.outcomes = await log.append(this.ops)
    } catch (error) {
      if (!(error instanceof LogError)) throw error
    }
  }
}
