import {
  copyOf,
  difference as differenceOf,
  isEmpty,
  readUpdate,
  type ArchiveId,
  type DocumentRef,
  type Entry,
  type OpId,
  type TermId,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { LogPlace } from '../store/kept-rows.js'
import { applyDurable, type Part } from './applying.js'
import { carryAtMs } from './books.js'
import type { ReplicaContext } from './context.js'
import { Draft, endGeneration } from './draft.js'
import { storedLimits } from './load-document.js'
import { opHashOf } from './op-hash.js'
import type { OutboxOp } from './outbox.js'
import type { ArchivePosition, FetchedEntry, PageOutcome, TakenPage } from './port.js'

/** What an entry brings, once what had to be fetched is there. */
type Content =
  | {
      readonly kind: 'row'
      readonly document: DocumentRef
      readonly op?: OpId
      readonly bytes: Uint8Array
    }
  | {
      readonly kind: 'state'
      readonly document: DocumentRef
      readonly bytes: Uint8Array
      readonly parked: readonly Uint8Array[]
    }
  | { readonly kind: 'held'; readonly op: OutboxOp }
  | { readonly kind: 'tombstone'; readonly document: DocumentRef }
  /** Nothing that could still be of use. */
  | { readonly kind: 'nothing' }

/** With bytes of its own: those of a page are views of the message that brought it. */
export function ownPage(page: TakenPage): TakenPage {
  const fetched = new Map([...page.fetched].map(([seq, entry]) => [seq, owned(entry)] as const))
  return { ...page, entries: page.entries.map(owned), fetched }
}

function owned<T extends Entry | FetchedEntry>(entry: T): T {
  if (entry.kind === 'row') return { ...entry, bytes: copyOf(entry.bytes) }
  if (entry.kind === 'snapshot' || entry.kind === 'difference') {
    return { ...entry, bytes: copyOf(entry.bytes), parked: entry.parked.map(copyOf) }
  }
  return entry
}

/**
 * Takes a page of an archive's log into the store, in one transaction with the cursor. The caller has
 * its turn. See `ArchiveLedger.take`.
 */
export async function takePage(context: ReplicaContext, page: TakenPage): Promise<PageOutcome> {
  const { store, books, news } = context
  const { archive, term } = page
  const position = books.positions.get(archive)
  // It does not begin where the cursor stands: nothing could be fetched that would help.
  if (!follows(position, page)) return { kind: 'needs', entries: [] }
  const contents = new Map<number, Content>()
  const needs: Need[] = []
  for (const entry of page.entries) {
    const content = contentOf(context, entry, page.fetched.get(entry.seq))
    if (content.kind === 'needs') needs.push(await needOf(context, entry.seq, content.document))
    else contents.set(entry.seq, content)
  }
  if (needs.length > 0) return { kind: 'needs', entries: needs }

  const opening = store.opening(archive, term)
  const draft = new Draft(store, books)
  draft.add(opening.change)
  const taking = new Taking(context, draft, archive, term)
  for (const [seq, content] of contents) taking.add(content, { opening: opening.key, seq })
  const isWhole = page.through === page.head
  const isCompared = position?.isCompared ?? isNothingHeld(context)
  draft.setCursor({ archive, term, seq: page.through, isWhole, isCompared })
  taking.passAnswered(page.through, isWhole)
  await draft.commit('relaxed')
  await applyDurable(context, taking.parts)
  for (const damage of taking.damages) news.damaged(damage.document, damage.reason)
  const cursor = { archive, term, seq: page.through }
  return { kind: 'taken', position: { cursor, isWhole, isCompared } }
}

/** A cursor that is not whole is good at the opening that gave it, and at no other. */
function follows(position: ArchivePosition | undefined, page: TakenPage): boolean {
  if (position === undefined || position.cursor.seq === 0) return page.after === 0
  const { cursor, isWhole } = position
  return cursor.seq === page.after && (isWhole || cursor.term === page.term)
}

function isNothingHeld({ books, local }: ReplicaContext): boolean {
  if (books.outbox.size > 0 || local.waitingCount > 0) return false
  for (const { hasContent, generation } of books.catalogue.all()) {
    if (hasContent || generation > 0) return false
  }
  return true
}

type Need = Extract<PageOutcome, { kind: 'needs' }>['entries'][number]
type Missing = { readonly kind: 'needs'; readonly document?: DocumentRef }

function contentOf(
  { books }: ReplicaContext,
  entry: Entry,
  fetched: FetchedEntry | undefined,
): Content | Missing {
  const said = fetched ?? entry
  switch (said.kind) {
    case 'row':
      return said
    case 'snapshot':
    case 'difference':
      return { kind: 'state', document: said.document, bytes: said.bytes, parked: said.parked }
    case 'tombstone':
      return said
    case 'place': {
      const op = books.outbox.byHash(said.hash)
      return op === undefined ? { kind: 'needs' } : { kind: 'held', op }
    }
    case 'large-snapshot': {
      const row = books.catalogue.get(said.document.id)
      const living = row?.generation ?? 0
      if (said.document.generation < living) return { kind: 'nothing' }
      const isHeld = row?.hasContent === true && said.document.generation === living
      return isHeld ? { kind: 'needs', document: said.document } : { kind: 'needs' }
    }
    default:
      return { kind: 'nothing' }
  }
}

async function needOf(
  { shelf }: ReplicaContext,
  seq: number,
  document: DocumentRef | undefined,
): Promise<Need> {
  if (document === undefined) return { seq }
  const { held } = await shelf.load(document.id)
  return { seq, difference: { document, stateVector: Y.encodeStateVector(held.doc) } }
}

/** The entries of one page, on their way into a draft. */
class Taking {
  readonly parts: Part[] = []
  readonly damages: { readonly document: DocumentRef; readonly reason: string }[] = []
  readonly #context: ReplicaContext
  readonly #draft: Draft
  readonly #archive: ArchiveId
  readonly #term: TermId

  constructor(context: ReplicaContext, draft: Draft, archive: ArchiveId, term: TermId) {
    this.#context = context
    this.#draft = draft
    this.#archive = archive
    this.#term = term
  }

  add(content: Content, place: LogPlace): void {
    if (content.kind === 'nothing') return
    if (content.kind === 'held') {
      this.#passed(content.op, place.seq)
      this.#seen(content.op.document, place.seq)
      return
    }
    const { document } = content
    if (content.kind === 'tombstone') this.#end(document)
    else if (!this.#isOver(document)) {
      if (content.kind === 'row') this.#row(content, place)
      else this.#state(content, place)
    }
    this.#seen(document, place.seq)
  }

  /** What was committed before the cursor's new place is behind it now. */
  passAnswered(through: number, isAtHead: boolean): void {
    const { outbox } = this.#context.books
    for (const op of outbox.answered(this.#archive)) {
      const answer = op.answers.get(this.#archive)
      if (answer === undefined) continue
      // Another opening: what the one before has committed may be lost, and is asked again.
      if (answer.term !== this.#term) this.#draft.unanswer(op, this.#archive)
      else if (answer.seq === undefined ? isAtHead : answer.seq <= through) {
        this.#passed(op, answer.seq)
      }
    }
  }

  #row({ document, op, bytes }: Extract<Content, { kind: 'row' }>, place: LogPlace): void {
    const known = op === undefined ? undefined : this.#context.books.outbox.byOp(op)
    if (known !== undefined && op !== undefined && known.hash === opHashOf(op, document, bytes)) {
      // The store holds these very bytes.
      this.#passed(known, place.seq)
      return
    }
    this.#update(document, bytes, place, op)
  }

  #state({ document, bytes, parked }: Extract<Content, { kind: 'state' }>, place: LogPlace): void {
    this.#update(document, bytes, place)
    for (const one of parked) this.#update(document, one, place)
  }

  #update(document: DocumentRef, bytes: Uint8Array, place: LogPlace, op?: OpId): void {
    const coverage = readUpdate(bytes, storedLimits)
    if (!coverage.ok) {
      this.#draft.quarantine(document.id, coverage.refusal.detail, bytes, place)
      this.damages.push({ document, reason: coverage.refusal.detail })
      return
    }
    if (isEmpty(coverage.value)) return
    const part = { document, bytes, coverage: coverage.value }
    this.#draft.addUpdate(document.id, bytes, place)
    this.parts.push(part)
    this.#uncover(part, place.seq)
    this.#oweToOthers(part, op)
  }

  /** Carried ops of which nothing is left that the stream has not brought need no carrying. */
  #uncover({ document, coverage }: Part, seq: number): void {
    const { outbox } = this.#context.books
    for (const op of outbox.ofDocument(document.id)) {
      if (op.isOwn || op.uncovered === undefined || op.answers.has(this.#archive)) continue
      const left = differenceOf(op.uncovered, coverage)
      if (left === op.uncovered) continue
      this.#draft.after(() => outbox.setUncovered(op.key, left))
      if (isEmpty(left)) this.#passed(op, seq)
    }
  }

  /** Another archive may never hear of it but from here. */
  #oweToOthers({ document, bytes, coverage }: Part, op: OpId | undefined): void {
    const { books, local, clock, random, news } = this.#context
    if (books.positions.archives.every((archive) => archive === this.#archive)) return
    if (op !== undefined && books.outbox.byOp(op) !== undefined) return
    const dueAtMs = carryAtMs(clock, random)
    this.#draft.addOp({
      document,
      kind: op === undefined ? 'upload' : 'live',
      op: op ?? local.nextOp(),
      isOwn: false,
      bytes,
      dueAtMs,
      uncovered: coverage,
    })
    this.#draft.after(() => news.owed(dueAtMs))
  }

  #end(document: DocumentRef): void {
    const { books, clock, news } = this.#context
    const living = this.#draft.livingGeneration(document.id)
    if (document.generation < living) return
    endGeneration(this.#draft, books, document, 'others', clock.now(), ({ op }) =>
      news.refused(op, document, 'document-deleted'),
    )
    this.#draft.after(() => news.ended({ id: document.id, generation: living }))
  }

  /** True for a generation that has ended. What begins a later one ends those before it. */
  #isOver({ id, generation }: DocumentRef): boolean {
    const living = this.#draft.livingGeneration(id)
    if (generation > living) this.#end({ id, generation: generation - 1 })
    return generation < living
  }

  #passed(op: OutboxOp, seq: number | undefined): void {
    const { news } = this.#context
    const archive = this.#archive
    this.#draft.answer(op, { archive, outcome: 'passed', term: this.#term, seq })
    this.#draft.after(() => news.archived(op.op, op.document, archive))
  }

  #seen({ id }: DocumentRef, seq: number): void {
    if (this.#draft.document(id) !== undefined) this.#draft.setLastSeq(id, this.#archive, seq)
  }
}
