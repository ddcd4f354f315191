import type { AppendOp, AppendOutcome, Commit, Committed, Log } from '@holdfast/archive'
import type { ErrorCode } from '@holdfast/peer/protocol'

/** Appends in one call; throws unless all are committed. */
export async function commit(log: Log, ...ops: readonly AppendOp[]): Promise<readonly Committed[]> {
  const outcomes = await log.append(ops)
  return outcomes.map((outcome) => {
    if (outcome.status === 'committed') return outcome
    throw new Error(`${outcome.refusal.code}: ${outcome.refusal.detail}`)
  })
}

/** Appends one by one, each after the one before it is durable. */
export async function commitEach(
  log: Log,
  ...ops: readonly AppendOp[]
): Promise<readonly number[]> {
  const seqs: number[] = []
  for (const op of ops) {
    const [committed] = await commit(log, op)
    seqs.push((committed as Committed).seq)
  }
  return seqs
}

/** What was answered, in few words: `3`, `3=` (no new row), `3?` (gapped), or the code. */
export function inShort(outcome: AppendOutcome): string {
  if (outcome.status === 'refused') return outcome.refusal.code
  return `${outcome.seq}${outcome.added ? '' : '='}${outcome.gapped ? '?' : ''}`
}

/** Appends in one call; the answers in short. */
export async function answers(log: Log, ...ops: readonly AppendOp[]): Promise<readonly string[]> {
  return (await log.append(ops)).map(inShort)
}

/** The code with which one op is refused; throws if it is not. */
export async function refusalOf(log: Log, op: AppendOp): Promise<ErrorCode> {
  const [outcome] = await log.append([op])
  if (outcome?.status !== 'refused') throw new Error('not refused')
  return outcome.refusal.code
}

/** Collects what is announced. */
export function commitsOf(log: Log): Commit[] {
  const commits: Commit[] = []
  log.onCommit((commit) => commits.push(commit))
  return commits
}
