/*
 * One document's compaction, from its rows to the last deleted row. Each step is a transaction of
 * the log's own: whatever interrupts this, every prefix of it leaves the log whole.
 */
import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import type { Clock, Logger } from '@holdfast/peer/ports'
import { packRows, unpackRows, type PackedRows } from '../log/packed-rows.js'
import type { CompactionSource, Log } from '../log/port.js'
import type { BuildStopped, SnapshotBuilder } from './builder-port.js'
import { previousSnapshotSeq, type BuildSource, type BuiltSnapshot } from './builder.js'

export interface CompactorPolicy {
  /** After a commit, look for ripe documents this much later: commits in between cost nothing. */
  readonly wakeAfterCommitMs: number
  /** Without commits, time alone makes documents ripe (leases end, gaps age). */
  readonly wakeEveryMs: number
  /** Rows a retiring transaction: the writer serves appends between two of them. */
  readonly retireBatchRows: number
  /** Bad rows that one compaction sets aside before it gives up until its next turn. */
  readonly maxBadRows: number
}

export const defaultCompactorPolicy: CompactorPolicy = {
  wakeAfterCommitMs: 1_000,
  wakeEveryMs: 60_000,
  retireBatchRows: 2_000,
  maxBadRows: 64,
}

export interface CompactionSubject {
  readonly collection: CollectionName
  readonly document: DocumentRef
}

export type CompactionStep = 'building' | 'publishing' | 'retiring' | 'settling'

export type CompactionReport =
  | ({ readonly status: 'compacted' } & Compacted)
  | ({ readonly status: 'failed'; readonly reason: string } & CompactionSubject)
  /** The log knows no such document. */
  | ({ readonly status: 'unknown-document' } & CompactionSubject)

interface Compacted extends CompactionSubject {
  /** Everything up to here is in the snapshot. */
  readonly through: number
  readonly rowsBefore: number
  readonly bytesBefore: number
  readonly snapshotBytes: number
  readonly removed: number
  readonly retained: number
  readonly prunedThrough: number
  /** Rows that went to quarantine. */
  readonly setAside: number
  readonly tookMs: number
}

export interface CompactionContext {
  readonly log: Log
  readonly builder: SnapshotBuilder
  readonly clock: Clock
  readonly logger: Logger
  readonly policy: CompactorPolicy
  readonly enter: (step: CompactionStep) => void
  readonly isClosed: () => boolean
}

/** Rejects only if the log does. */
export async function compactDocument(
  subject: CompactionSubject,
  context: CompactionContext,
): Promise<CompactionReport> {
  const { collection, document } = subject
  const { log, clock } = context
  const startedMs = clock.monotonic()
  const failed = (reason: string): CompactionReport => ({ status: 'failed', ...subject, reason })

  // Twice: an append cannot make a snapshot stale, but an operator's compaction at the same time can.
  for (let attempt = 0; attempt < 2; attempt++) {
    context.enter('building')
    const build = await buildWhole(subject, context)
    if (build.status !== 'built') return build.status === 'failed' ? failed(build.reason) : build

    context.enter('publishing')
    const { snapshot } = build
    const published = await log.compaction.publish({
      ...subject,
      base: build.base,
      through: build.through,
      bytes: snapshot.bytes,
      coverage: snapshot.coverage,
      stateVector: snapshot.stateVector,
      parked: snapshot.parked,
    })
    if (published === 'stale') continue
    if (published === 'incomplete') return failed('the log holds more than the snapshot')

    context.enter('retiring')
    let removed = 0
    let retired
    do {
      retired = await log.compaction.retire(collection, document, context.policy.retireBatchRows)
      removed += retired.removed
    } while (retired.more && !context.isClosed())

    context.enter('settling')
    if ((await log.compaction.settle(collection, document)) === 'damaged') {
      return failed('the snapshot does not read back from the disk')
    }
    return {
      status: 'compacted',
      ...subject,
      through: build.through,
      rowsBefore: build.rowsBefore,
      bytesBefore: build.bytesBefore,
      snapshotBytes: snapshot.bytes.length,
      removed,
      retained: retired.retained,
      prunedThrough: retired.prunedThrough,
      setAside: build.setAside,
      tookMs: clock.monotonic() - startedMs,
    }
  }
  return failed('another compaction published meanwhile')
}

type Build =
  | {
      readonly status: 'built'
      readonly snapshot: BuiltSnapshot
      readonly base: number
      readonly through: number
      readonly rowsBefore: number
      readonly bytesBefore: number
      readonly setAside: number
    }
  | { readonly status: 'failed'; readonly reason: string }
  | ({ readonly status: 'unknown-document' } & CompactionSubject)

/** Builds from everything that can be built; rows that cannot go to quarantine first. */
async function buildWhole(subject: CompactionSubject, context: CompactionContext): Promise<Build> {
  const { log, builder, policy } = context
  let setAside = 0
  for (;;) {
    if (context.isClosed()) return { status: 'failed', reason: 'the compactor was closed' }
    const source = await log.compaction.source(subject.collection, subject.document)
    if (source === undefined) return { status: 'unknown-document', ...subject }
    const measured = measure(source)

    const built = await builder.build(source)
    if (built.status === 'built') {
      return { status: 'built', snapshot: built, ...measured, setAside }
    }
    if (built.status === 'unproven') return { status: 'failed', reason: built.reason }
    const bad = built.status === 'bad-row' ? [built.seq] : await findBombs(subject, built, context)
    if (bad.length === 0 || bad.includes(previousSnapshotSeq)) {
      return { status: 'failed', reason: `${built.status} at row ${built.seq}: ${built.reason}` }
    }
    setAside += bad.length
    if (setAside > policy.maxBadRows) {
      return { status: 'failed', reason: `more than ${policy.maxBadRows} rows do not build` }
    }
    for (const seq of bad) await setRowAside(subject, seq, built.reason, context)
  }
}

/** Taken before the builder takes the buffers away. */
function measure({ through, previous, rows, parked }: CompactionSource) {
  return {
    base: previous?.seq ?? 0,
    through,
    rowsBefore: rows.seqs.length + parked.seqs.length,
    bytesBefore: rows.bytes.length + parked.bytes.length + (previous?.bytes.length ?? 0),
  }
}

async function setRowAside(
  { collection, document }: CompactionSubject,
  seq: number,
  reason: string,
  { log, logger }: CompactionContext,
): Promise<void> {
  logger.error('a stored row does not build and is set aside', {
    collection,
    document: document.id,
    generation: document.generation,
    seq,
    reason,
  })
  await log.compaction.quarantine(collection, document, seq, reason)
}

/** More rows that each end the building thread are not bombs but a machine that is too small. */
const maxBombs = 8

/**
 * Which rows end the building thread, each proven: it ends the thread by itself too, or the thread
 * was stuck in it. What ends for want of memory or time in a document that is merely large is no
 * row's fault: nothing is set aside for that.
 */
async function findBombs(
  { collection, document }: CompactionSubject,
  stopped: BuildStopped,
  { log, builder, isClosed }: CompactionContext,
): Promise<readonly number[]> {
  const bombs: number[] = []
  let suspect = stopped
  while (bombs.length < maxBombs && !isClosed()) {
    if (suspect.status === 'closed' || suspect.seq === previousSnapshotSeq) return []
    if (bombs.includes(suspect.seq)) return []
    const source = await log.compaction.source(collection, document)
    if (source === undefined) return []
    if (!suspect.stuck && !(await endsByItself(source, suspect.seq, builder))) return []
    bombs.push(suspect.seq)
    const rest = await builder.build(await freshWithout(bombs))
    if (!('stuck' in rest)) return bombs
    suspect = rest
  }
  return []

  async function freshWithout(seqs: readonly number[]): Promise<BuildSource> {
    const source = await log.compaction.source(collection, document)
    if (source === undefined) return { rows: packRows([]), parked: packRows([]) }
    return { ...source, rows: only(source.rows, (seq) => !seqs.includes(seq)) }
  }
}

async function endsByItself(
  source: CompactionSource,
  seq: number,
  builder: SnapshotBuilder,
): Promise<boolean> {
  const alone = await builder.build({
    rows: only(source.rows, (other) => other === seq),
    parked: packRows([]),
  })
  return 'stuck' in alone
}

function only(rows: PackedRows, isWanted: (seq: number) => boolean): PackedRows {
  return packRows([...unpackRows(rows)].filter(({ seq }) => isWanted(seq)))
}
