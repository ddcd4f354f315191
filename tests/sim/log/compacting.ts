import { buildFrom } from '../../contract/log/build.js'
import { floorsOf } from './invariants.js'
import { nameOfDocument, type LogRun } from './run.js'

/** A snapshot is built; who knows when it will be published. */
export async function build(run: LogRun): Promise<void> {
  const { collection, document } = run.pickDocument()
  const snapshot = await buildFrom(run.log, document, collection)
  if (snapshot === undefined) return
  run.built.push(snapshot)
  run.note('built', `${document.id} ${snapshot.base} to ${snapshot.through}`)
}

/** Any of the snapshots that were built is published, or found stale. */
export async function publish(run: LogRun): Promise<void> {
  if (run.built.length === 0) return
  const [snapshot] = run.built.splice(run.random.below(run.built.length), 1)
  if (snapshot === undefined) return
  const outcome = await run.log.compaction.publish(snapshot)
  run.note(outcome, `${nameOfDocument(snapshot)} ${snapshot.base} to ${snapshot.through}`)
  if (outcome === 'published') run.published.push(snapshot)
  if (outcome === 'incomplete') throw new Error('an honest snapshot was called incomplete')
}

export async function settle(run: LogRun): Promise<void> {
  const { collection, document } = run.pickDocument()
  const outcome = await run.log.compaction.settle(collection, document)
  run.note(outcome, document.id)
  if (outcome === 'damaged') throw new Error('a snapshot was called damaged')
}

/** [I12] A batch of rows goes, and no other document's floor moves. */
export async function retire(run: LogRun): Promise<void> {
  const place = run.published.length > 0 ? run.random.pick(run.published) : run.pickDocument()
  const { collection, document } = place
  const name = nameOfDocument(place)
  const before = await floorsOf(run)
  const maxRows = 1 + run.random.below(6)
  const result = await run.log.compaction.retire(collection, document, maxRows)
  const after = await floorsOf(run)
  if (result.removed > maxRows) throw new Error(`${result.removed} rows retired`)
  if (result.removed > 0) {
    const [from, to] = [before.get(name) ?? 0, after.get(name) ?? 0]
    if (to <= from || to !== result.prunedThrough) throw new Error(`${name} retired through ${to}`)
    run.note('retired', `${name} ${result.removed} through ${to}`)
  }
  for (const [other, floor] of after) {
    if (other !== name && before.get(other) !== floor) throw new Error(`${other} was moved too`)
  }
}
