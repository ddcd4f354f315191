import * as Y from 'yjs'
import { idOf, nameOf, type LogRun } from './run.js'

/** One to three edits, which stay with their author for now. */
export function edit(run: LogRun): void {
  const { author, writer } = run.pickWriter()
  for (let edits = 1 + run.random.below(3); edits > 0; edits--) {
    const op = author.edit(writer)
    if (op !== undefined) run.note('edit', nameOf(op))
  }
}

/** One author learns what another has. */
export function mesh(run: LogRun): void {
  const { writer } = run.pickWriter()
  const other = run.random.pick(run.authors).at(writer.collection, writer.document)
  if (other === writer) return
  writer.learn({ bytes: Y.encodeStateAsUpdate(other.ydoc, Y.encodeStateVector(writer.ydoc)) })
}

/** Ops are sent, by one to three callers at once, each in whatever order. */
export async function push(run: LogRun): Promise<void> {
  const calls = Array.from({ length: 1 + run.random.below(3) }, () => run.pickOps())
  const outcomes = await Promise.all(calls.map((ops) => run.log.append(ops)))
  for (const [at, ops] of calls.entries()) await run.answered(ops, outcomes[at] ?? [])
}

/** An author's state, whole or in part, whoever wrote what is in it. */
export async function upload(run: LogRun): Promise<void> {
  const { author, writer } = run.pickWriter()
  const op = author.upload(writer)
  await run.answered([op], await run.log.append([op]))
}

/** Other bytes under an id that was answered. */
export async function forge(run: LogRun): Promise<void> {
  const ops = run.allOps
  if (ops.length === 0) return
  const [op, other] = [run.random.pick(ops), run.random.pick(ops)]
  const forged = { ...other, id: op.id }
  if (Buffer.compare(op.bytes, other.bytes) === 0) return
  if (!run.model.ids.has(idOf(forged)) || run.isDeleted(other)) return
  const [outcome] = await run.log.append([forged])
  if (outcome?.status !== 'refused' || outcome.refusal.code !== 'rekey') {
    throw new Error(`other bytes under ${idOf(forged)} were not refused with rekey`)
  }
  run.note('rekey', idOf(forged))
}

export async function remove(run: LogRun): Promise<void> {
  const { collection, document } = run.pickDocument()
  await run.end(collection, document)
}
