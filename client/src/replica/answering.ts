import { idBytes, type ArchiveId, type DocumentId, type TermId } from '@holdfast/peer/protocol'
import type { ReplicaContext } from './context.js'
import { Draft } from './draft.js'
import type { OutboxOp } from './outbox.js'
import type { ArchivePosition, CommittedOp, RefusedOp } from './port.js'
import { rekey } from './rekey.js'

/** The archive has answered `committed`. The caller has its turn. */
export async function takeCommitted(
  { store, books, news }: ReplicaContext,
  archive: ArchiveId,
  term: TermId,
  results: readonly CommittedOp[],
): Promise<void> {
  const draft = new Draft(store, books)
  const cursor = books.positions.get(archive)?.cursor
  for (const { op: id, seq, gapped } of results) {
    const op = books.outbox.byOp(id)
    const before = op?.answers.get(archive)?.outcome
    if (op === undefined || before === 'passed' || before === 'refused') continue
    if (gapped && before === 'committed') continue
    const isPassed = cursor?.term === term && seq !== undefined && seq <= cursor.seq
    const outcome = gapped ? 'gapped' : isPassed ? 'passed' : 'committed'
    draft.answer(op, { archive, outcome, term, seq })
    draft.after(() => {
      news.changed(op.document.id)
      if (!gapped) news.archived(op.op, op.document, archive)
    })
  }
  await draft.commit('relaxed')
}

/** The archive has answered `refused`, for good. The caller has its turn. */
export async function takeRefused(
  context: ReplicaContext,
  archive: ArchiveId,
  results: readonly RefusedOp[],
): Promise<void> {
  const { store, books, news, clock } = context
  const draft = new Draft(store, books)
  const rekeyed: OutboxOp[] = []
  for (const { op: id, code } of results) {
    const op = books.outbox.byOp(id)
    if (op === undefined || op.answers.get(archive)?.outcome === 'refused') continue
    if (code === 'rekey' && op.isOwn && op.kind === 'live') {
      rekeyed.push(op)
      continue
    }
    draft.keepOp(op, code, clock.now())
    const term = books.positions.get(archive)?.cursor.term ?? noTerm
    draft.answer(op, { archive, outcome: 'refused', term, seq: undefined })
    draft.after(() => {
      news.changed(op.document.id)
      if (op.isOwn) news.refused(op.op, op.document, code)
    })
  }
  await draft.commit('strict')
  await rekey(context, rekeyed)
}

/**
 * An archive is about to be compared with: it may have lost what it has said to have. Nothing counts as
 * archived there until that has been looked at, also for the next run. The caller has its turn.
 */
export async function takeDoubt(
  { store, books }: ReplicaContext,
  archive: ArchiveId,
): Promise<void> {
  const position = books.positions.get(archive)
  if (position === undefined || !position.isCompared) return
  const draft = new Draft(store, books)
  const { cursor, isWhole } = position
  draft.setCursor({ ...cursor, isWhole, isCompared: false })
  for (const op of books.outbox.all()) {
    const answer = op.answers.get(archive)
    if (answer !== undefined && answer.outcome !== 'refused') draft.unanswer(op, archive)
  }
  await draft.commit('relaxed')
}

/**
 * The end of a resync. What an opening before this one has committed is asked again: it answers
 * cheaply where it still has it. The caller has its turn.
 */
export async function takeResynced(
  { store, books }: ReplicaContext,
  { cursor, isWhole, isCompared }: ArchivePosition,
  received: Iterable<DocumentId>,
): Promise<void> {
  const { archive, term, seq } = cursor
  const draft = new Draft(store, books)
  draft.setCursor({ archive, term, seq, isWhole, isCompared })
  for (const op of books.outbox.answered(archive)) {
    const answer = op.answers.get(archive)
    if (answer === undefined) continue
    if (answer.term !== term) draft.unanswer(op, archive)
    else if (answer.seq !== undefined && answer.seq <= seq) {
      draft.answer(op, { ...answer, outcome: 'passed' })
    }
  }
  for (const id of received) {
    const row = books.catalogue.get(id)
    if (row !== undefined) draft.setLastSeq(row.id, archive, seq)
  }
  await draft.commit('strict')
}

/** Refused before any page came: no opening of that archive is known by name. */
const noTerm = '0'.repeat(2 * idBytes) as TermId
