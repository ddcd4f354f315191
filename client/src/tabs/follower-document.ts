/**
 * A document of a tab that does not own the store: in memory, and synced with the owner.
 *
 *   apart ──attach──► asked ──attached: what either lacks──► joined ──rows, edits──► joined
 *     ▲                                                        │
 *     └──────────────────── the owner is gone ─────────────────┘
 *
 * What is edited becomes ops, as at the owner; they are kept until they are called saved. What the
 * Y.Doc holds besides and the owner lacks (an edit of an owner that died before it was saved, seen
 * here) is given to the owner as a state.
 */
import { Awareness, HeldDocument, Listeners } from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import {
  contains,
  emptyCoverage,
  readStateVector,
  readUpdate,
  union,
  type Coverage,
  type DocumentId,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { DocumentState, WaitOptions } from '../api.js'
import type { CoreDocument, HeldByApp, UnsavedOp } from '../core/core.js'
import type { ClientError } from '../errors.js'
import { renewClient } from '../core/owner-document.js'
import { isContained } from '../replica/contained.js'
import { GatheredEdits } from '../replica/gathered-edits.js'
import { storedLimits } from '../replica/load-document.js'
import type { TabEdit } from '../replica/taking-from-tabs.js'
import { tabsBounds as bounds } from './limits.js'
import type { KeptEdit, OpNumbers, UnsavedEdits } from './unsaved-edits.js'
import type { FollowerWord, OwnerWord } from './words.js'

export interface FollowerDocumentOptions {
  readonly id: DocumentId
  readonly held: HeldByApp | undefined
  readonly unsaved: UnsavedEdits<FollowerDocument>
  readonly numbers: OpNumbers
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly collection: string
  /** False: there is no owner just now. */
  readonly say: (word: FollowerWord) => boolean
  readonly isJoined: () => boolean
  readonly show: (document: FollowerDocument, ref: DocumentRef) => void
  readonly hide: (document: FollowerDocument) => void
  readonly changed: () => void
  readonly whenSaved: (
    document: FollowerDocument,
    options: WaitOptions | undefined,
  ) => Promise<void>
  readonly whenTaken: (document: FollowerDocument) => Promise<void>
  readonly whenArchived: (
    document: FollowerDocument,
    options: WaitOptions | undefined,
  ) => Promise<void>
  readonly gone: (document: FollowerDocument) => void
  /** What a listener of the app has thrown. */
  readonly report: (error: ClientError) => void
}

export class FollowerDocument implements CoreDocument {
  readonly id: DocumentId
  /** Of transactions that bring what others edited. */
  readonly #origin: object = { name: 'holdfast' }
  readonly #options: FollowerDocumentOptions
  readonly #onState = new Listeners<[DocumentState]>()
  readonly #onReplaced = new Listeners<[]>()
  /** Of this Y.Doc, and of those that it replaced: what is still edited there is kept as well. */
  readonly #gathered: GatheredEdits[] = []
  /** Handed over by the core before, until the generation is known that they are of. */
  #ref: DocumentRef | undefined
  #ydoc: Y.Doc
  #awareness: Awareness
  #held: HeldDocument | undefined
  #ownerState: DocumentState | undefined
  #isJoined = false
  #isShown = false
  #attempt = 0
  /** It is about to ask again. */
  #again: Undo | undefined
  #joined: ((isJoined: boolean) => void)[] = []
  #told = ''
  #detaching: Promise<void> | undefined
  #isGone = false

  constructor(options: FollowerDocumentOptions) {
    const { id, held, unsaved, clock, random } = options
    this.#options = options
    this.id = id
    this.#ydoc = held?.ydoc ?? newDoc(random)
    this.#awareness = held?.awareness ?? new Awareness(this.#ydoc, clock)
    this.#gather()
    for (const { op, document, bytes } of held?.unsaved ?? []) {
      this.#ref = document
      unsaved.add(this, { op, bytes, isState: false, isSaid: false })
    }
  }

  get ydoc(): Y.Doc {
    return this.#ydoc
  }

  get awareness(): Awareness {
    return this.#awareness
  }

  get state(): DocumentState {
    const said = this.#ownerState ?? unknownState
    const waiting = this.#gathered.some(({ isWaiting }) => isWaiting) ? 1 : 0
    const here = this.#options.unsaved.of(this).length + waiting
    const local = said.pending.local + here
    const isGapped = said.isGapped || this.#held?.isWhole === false
    return {
      ...said,
      safety: local > 0 ? 'local' : said.safety,
      pending: { ...said.pending, local },
      isGapped,
      isSynced: said.isSynced && this.#isJoined && here === 0 && !isGapped,
    }
  }

  /** The generation, once it is known. */
  get document(): DocumentRef | undefined {
    return this.#ref
  }

  onState(listener: (state: DocumentState) => void): Undo {
    return this.#onState.add(listener)
  }

  onReplaced(listener: () => void): Undo {
    return this.#onReplaced.add(listener)
  }

  whenSaved(options?: WaitOptions): Promise<void> {
    this.flush()
    return this.#options.whenSaved(this, options)
  }

  whenArchived(options?: WaitOptions): Promise<void> {
    this.flush()
    return this.#options.whenArchived(this, options)
  }

  detach(): Promise<void> {
    this.#detaching ??= this.#detach()
    return this.#detaching
  }

  release(): readonly UnsavedOp[] {
    this.flush()
    const { unsaved, random, report } = this.#options
    const ref = this.#ref
    // Where the generation never came to be known, the Y.Doc itself says what there is to be saved.
    const ops = unsaved.of(this).flatMap(({ op, bytes, isState }) => {
      return isState || ref === undefined ? [] : [{ op, document: ref, bytes }]
    })
    unsaved.forget(this)
    this.#detaching = Promise.resolve()
    this.#end()
    renewClient(this.#ydoc, this.#awareness, random.uint32(), report)
    return ops
  }

  // From the collection ----------------------------------------------------------------------------

  /** Asks the owner for what it has, and gives it what it lacks. */
  attach(): void {
    const { say, unsaved, collection } = this.#options
    this.#again?.()
    this.#again = undefined
    this.flush()
    const ref = this.#ref
    const edits = ref === undefined ? [] : unsaved.of(this).map((kept) => editOf(kept, ref))
    const isSaid = say({
      what: 'attach',
      collection,
      document: this.id,
      generation: ref?.generation,
      attempt: ++this.#attempt,
      edits,
      stateVector: Y.encodeStateVector(this.#ydoc),
    })
    if (!isSaid || ref === undefined) return
    for (const kept of unsaved.of(this)) kept.isSaid = true
  }

  /** What is not saved. @param living where this tab has never learned which generation it is of */
  editsOf(living: DocumentRef): readonly TabEdit[] {
    this.flush()
    const ref = this.#ref ?? living
    return this.#options.unsaved.of(this).map((kept) => editOf(kept, ref))
  }

  /** There is no owner. */
  apart(): void {
    this.#isJoined = false
    this.tell()
  }

  /** Resolves when the owner has said what it has; with false where nobody will any more. */
  whenJoined(): Promise<boolean> {
    if (this.#isJoined || this.#isGone) return Promise.resolve(this.#isJoined)
    return new Promise((resolve) => this.#joined.push(resolve))
  }

  /** No owner will answer any more: whoever waits for one to open it is told. */
  abandon(): void {
    if (this.#joined.length > 0) this.release()
  }

  attached(word: Extract<OwnerWord, { what: 'attached' }>): void {
    if (word.attempt !== this.#attempt || this.#isGone) return
    const { clock, logger, show } = this.#options
    const { document, state, difference, stateVector } = word
    this.#ref = document
    this.#held ??= new HeldDocument(document, this.#ydoc, clock, logger)
    if (difference !== undefined && !this.#apply(difference)) {
      this.replace()
      return
    }
    this.#ownerState = state
    this.#isJoined = true
    if (!state.isDeleted) {
      this.#giveNews(difference, stateVector)
      if (!this.#isShown) show(this, document)
      this.#isShown = true
    }
    this.#sayEdits()
    for (const joined of this.#joined.splice(0)) joined(true)
    this.tell()
  }

  /** The owner could not read it, as it has told: it is tried again until it can, as storing is. */
  unattached(attempt: number): void {
    if (attempt !== this.#attempt || this.#isGone) return
    this.#again?.()
    this.#again = this.#options.clock.after(bounds.attachAgainMs, () => this.attach())
  }

  row({ document, bytes }: Extract<OwnerWord, { what: 'row' }>): void {
    if (this.#held === undefined || document.generation !== this.#ref?.generation) return
    if (!this.#apply(bytes)) this.replace()
    else this.tell()
  }

  ownerSays(document: DocumentRef, state: DocumentState): void {
    if (document.generation !== this.#ref?.generation || !this.#isJoined) return
    this.#ownerState = state
    if (state.isDeleted && this.#isShown) {
      this.#isShown = false
      this.#options.hide(this)
    }
    this.tell()
  }

  /** Another Y.Doc, with what the owner has: it was loaded anew there, or this one is damaged. */
  replace(): void {
    const { clock, random, hide } = this.#options
    this.flush()
    const shown = this.#awareness.getLocalState()
    if (this.#isShown) hide(this)
    this.#isShown = false
    this.#isJoined = false
    this.#held = undefined
    this.#ydoc = newDoc(random)
    this.#awareness = new Awareness(this.#ydoc, clock)
    this.#awareness.setLocalState(shown)
    this.#gather()
    this.#onReplaced.tell()
    this.attach()
  }

  flush(): void {
    for (const gathered of this.#gathered) gathered.flush()
  }

  /** Tells the state where that has changed. */
  tell(): void {
    const { state } = this
    const told = JSON.stringify(state)
    if (told === this.#told) return
    this.#told = told
    this.#onState.tell(state)
  }

  // ------------------------------------------------------------------------------------------------

  #gather(): void {
    const { clock, unsaved, numbers, changed } = this.#options
    const leave = (bytes: Uint8Array): void => {
      unsaved.add(this, { op: numbers.next(), bytes, isState: false, isSaid: false })
      this.#sayEdits()
      changed()
    }
    const doc = this.#ydoc
    this.#gathered.push(
      new GatheredEdits(doc, this.#origin, clock, leave, () => {
        if (doc === this.#ydoc) this.#held?.changed()
        changed()
      }),
    )
  }

  #sayEdits(): void {
    const { unsaved, say, collection } = this.#options
    const ref = this.#ref
    if (!this.#isJoined || ref === undefined) return
    const news = unsaved.of(this).filter(({ isSaid }) => !isSaid)
    if (news.length === 0) return
    const edits = news.map((kept) => editOf(kept, ref))
    if (!say({ what: 'edits', collection, edits })) return
    for (const kept of news) kept.isSaid = true
  }

  /** False: it cannot be applied to this Y.Doc. */
  #apply(bytes: Uint8Array): boolean {
    const ref = this.#ref
    const read = readUpdate(bytes, storedLimits)
    if (ref === undefined || this.#held === undefined) return true
    // The owner has read it: what cannot be read here came to harm on the way, or is of a later version.
    if (!read.ok) {
      this.#options.logger.error('a row cannot be read', { code: read.refusal.code })
      return true
    }
    if (isContained(this.#ydoc, read.value)) return true
    const part = { document: ref, bytes, coverage: read.value }
    return this.#held.apply([part], this.#origin) !== 'damaged'
  }

  /** What is here, and neither at the owner nor on the way to it. */
  #giveNews(difference: Uint8Array | undefined, stateVector: Uint8Array | undefined): void {
    const { unsaved, numbers, logger } = this.#options
    const theirs = coverageOf(difference, stateVector)
    const bytes = Y.encodeStateAsUpdate(this.#ydoc, stateVector)
    const read = readUpdate(bytes, storedLimits)
    if (!read.ok) {
      logger.error('a Y.Doc cannot be stored', { code: read.refusal.code })
      return
    }
    const known = unsaved.of(this).reduce((sum, kept) => {
      const coverage = readUpdate(kept.bytes, storedLimits)
      return coverage.ok ? union(sum, coverage.value) : sum
    }, theirs)
    if (contains(known, read.value)) return
    unsaved.add(this, { op: numbers.next(), bytes, isState: true, isSaid: false })
  }

  async #detach(): Promise<void> {
    this.flush()
    const { whenTaken, say, collection } = this.#options
    try {
      await whenTaken(this)
    } catch (error) {
      this.#detaching = undefined
      throw error
    }
    if (this.#isGone) return
    say({ what: 'detach', collection, document: this.id })
    this.#end()
  }

  #end(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#again?.()
    const { hide, gone } = this.#options
    for (const gathered of this.#gathered) gathered.stop()
    if (this.#isShown) hide(this)
    this.#onState.clear()
    this.#onReplaced.clear()
    for (const joined of this.#joined.splice(0)) joined(false)
    gone(this)
  }
}

function editOf({ op, bytes, isState }: KeptEdit, document: DocumentRef): TabEdit {
  return { op, document, bytes, isState }
}

function newDoc(random: Random): Y.Doc {
  const doc = new Y.Doc()
  doc.clientID = random.uint32()
  return doc
}

/** What the owner holds: all before its vector, and the deletions, which come with any difference. */
function coverageOf(
  difference: Uint8Array | undefined,
  stateVector: Uint8Array | undefined,
): Coverage {
  const brought = difference === undefined ? undefined : readUpdate(difference, storedLimits)
  const vector = stateVector === undefined ? undefined : readStateVector(stateVector)
  const structs = new Map<number, readonly number[]>()
  if (vector?.ok === true)
    for (const [client, clock] of vector.value) structs.set(client, [0, clock])
  const before: Coverage = { ...emptyCoverage, structs }
  return brought?.ok === true ? union(before, brought.value) : before
}

/** Nothing is claimed before the owner has said it. */
const unknownState: DocumentState = {
  safety: 'local',
  pending: { local: 0, saved: 0, refused: 0 },
  isSynced: false,
  isGapped: false,
  isDamaged: false,
  isDeleted: false,
}
