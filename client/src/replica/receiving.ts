import type { Outcome, Received } from '@holdfast/peer'
import {
  difference,
  isEmpty,
  readSnapshot,
  type Coverage,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { applyDurable, type Part } from './applying.js'
import { carryAtMs } from './books.js'
import { isContained } from './contained.js'
import type { ReplicaContext } from './context.js'
import { Draft, endGeneration } from './draft.js'
import { replicaBounds as bounds } from './limits.js'
import type { LoadedDocument } from './loaded-document.js'

export interface ReceiveOptions {
  /**
   * From the `mesh`: it is carried to the archives that turn out to lack it. From an `archive`: it has
   * it, and it knows which generations have ended.
   */
  readonly from: 'mesh' | 'archive'
  /** Ops of this app's own tabs, that go through this one. */
  readonly isOwn: (received: Received) => boolean
}

/**
 * Takes in what others sent, in one transaction: what is contained already makes no row. One outcome
 * for each, in order. Rejects when the store fails; then nothing was taken.
 */
export async function receiveAll(
  context: ReplicaContext,
  batch: readonly Received[],
  options: ReceiveOptions,
): Promise<readonly Outcome[]> {
  const { store, books, shelf } = context
  const draft = new Draft(store, books)
  const outcomes: (Outcome | undefined)[] = []
  const parts: Part[] = []
  /** Ops of this batch: one may have come over two links at once. */
  const taken = new Set<string | Received>()
  const loadedOf: (LoadedDocument | undefined)[] = []
  for (const [at, received] of batch.entries()) {
    const { document, coverage } = received
    if (options.from === 'archive') endBefore(context, draft, document)
    const outcome = outcomeUnread(draft, books.catalogue.size, received)
    if (outcome !== undefined) {
      outcomes[at] = outcome
      continue
    }
    // A generation that begins in this draft is empty.
    const isBegun = books.catalogue.livingGeneration(document.id) === document.generation
    const loaded = isBegun ? await shelf.load(document.id) : undefined
    loadedOf[at] = loaded
    if (loaded !== undefined && isHere(loaded, coverage)) {
      outcomes[at] = { kind: loaded.held.isWhole ? 'whole' : 'gapped' }
      continue
    }
    const name = nameOf(received)
    if (taken.has(name)) continue
    taken.add(name)
    draft.addUpdate(document.id, received.bytes)
    if (options.from === 'mesh' && context.owesOps()) {
      carry(context, draft, received, loaded, options.isOwn(received))
    }
    parts.push(received)
  }
  if (!draft.isEmpty) await draft.commit('relaxed')
  const damaged = await applyDurable(context, parts)
  return batch.map(({ document }, at) => {
    const outcome = outcomes[at]
    if (outcome !== undefined) return outcome
    if (damaged.has(document.id)) return { kind: 'refused', code: 'malformed-update' }
    const held = (shelf.get(document.id) ?? loadedOf[at])?.held
    return { kind: held === undefined || held.isWhole ? 'whole' : 'gapped' }
  })
}

function isHere({ held }: LoadedDocument, coverage: Coverage): boolean {
  return isContained(held.doc, coverage) || held.isHeldBack(coverage)
}

/** The same for one op that came twice, and for nothing else. */
function nameOf(received: Received): string | Received {
  const { op } = received
  return op === undefined ? received : `${op.instance} ${op.n}`
}

/** Undefined: it has to be looked at. */
function outcomeUnread(
  draft: Draft,
  documents: number,
  { document, coverage }: Received,
): Outcome | undefined {
  const living = draft.livingGeneration(document.id)
  if (document.generation < living) return { kind: 'refused', code: 'document-deleted' }
  if (isEmpty(coverage)) return { kind: 'whole' }
  if (document.generation > living) return { kind: 'elsewhere' }
  const isNew = draft.document(document.id) === undefined
  return isNew && documents >= bounds.maxDocuments ? { kind: 'elsewhere' } : undefined
}

/** An archive speaks of a generation: those before it have ended. */
function endBefore(context: ReplicaContext, draft: Draft, { id, generation }: DocumentRef): void {
  const living = draft.livingGeneration(id)
  if (generation <= living) return
  const { books, clock, news } = context
  const ended = { id, generation: generation - 1 }
  endGeneration(draft, books, ended, 'others', clock.now(), ({ op }) =>
    news.refused(op, ended, 'document-deleted'),
  )
  draft.after(() => news.ended({ id, generation: living }))
}

function carry(
  context: ReplicaContext,
  draft: Draft,
  { document, bytes, op, coverage }: Received,
  loaded: LoadedDocument | undefined,
  isOwn: boolean,
): void {
  const { books, local, clock, random, news } = context
  if (op !== undefined && books.outbox.byOp(op) !== undefined) return
  const dueAtMs = isOwn ? 0 : carryAtMs(clock, random)
  draft.addOp({
    document,
    kind: op === undefined ? 'upload' : 'live',
    op: op ?? local.nextOp(),
    isOwn,
    bytes,
    dueAtMs,
    uncovered: newsIn(coverage, loaded, op === undefined),
  })
  draft.after(() => news.owed(dueAtMs))
}

/**
 * What it brings that was not here: a state comes with all deletions of its document, and the archive
 * will not stream those again.
 */
function newsIn(
  coverage: Coverage,
  loaded: LoadedDocument | undefined,
  isState: boolean,
): Coverage {
  if (!isState || loaded === undefined) return coverage
  const have = readSnapshot(Y.encodeSnapshot(Y.snapshot(loaded.held.doc)))
  return have.ok ? difference(coverage, have.value) : coverage
}
