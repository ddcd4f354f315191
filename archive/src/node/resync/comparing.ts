/*
 * The archive's side of comparing with one peer: in a resync, and whenever the peer says a summary.
 *
 *   summary ──► held against the log ── differs, may write ──► state: "push what I lack"
 *                                   └── otherwise ──► summary of it: the peer asks by state
 *               compared ◄── after all of that, in the same lane
 *   state ──► update: what the peer lacks, parked rows with it
 *             and, once, a state in return where the digests differ
 *
 * What the peer has is pushed as an upload, so that it is an entry like any other. A reader is never
 * asked: it offers.
 */
import {
  canWrite,
  messageBounds,
  type DocumentId,
  type DocumentRef,
  type Held,
  type MessageOf,
} from '@holdfast/peer/protocol'
import type { Collection } from '../fan-out/collection.js'
import type { Participant } from '../participant.js'
import type { BulkLane } from '../session/questions.js'
import { emptyStateVector } from './digests.js'
import { hashOf, heldOf, notWhole, type Holdings } from './holdings.js'

type Summary = MessageOf<'summary'>

/** Documents in a page that is told unasked: above it the tree goes one level down. */
const maxPageDocuments = 256
/** Fewer than these are told one by one. */
const maxToldAlone = 8
const hexDigits = Array.from('0123456789abcdef')
/** Documents that one session may be asked for between two subscriptions. */
const maxAsked = 65_536

export class Comparing {
  readonly #session: Participant
  readonly #collection: Collection
  readonly #lane: BulkLane
  /** Asked for since the last subscription. */
  readonly #asked = new Set<DocumentId>()
  #lastRequest = 0

  constructor(session: Participant, collection: Collection, lane: BulkLane) {
    this.#session = session
    this.#collection = collection
    this.#lane = lane
  }

  /** A new subscription: what was asked before may be asked again. */
  startOver(): void {
    this.#asked.clear()
  }

  async summary({ request, by }: Summary): Promise<void> {
    let differing: number
    if (by.kind === 'page') differing = await this.#comparePage(by.under, by.documents)
    else if (by.kind === 'tree') differing = await this.#compareNodes(by.nodes)
    else differing = await this.#compareDirty(by.dirty)
    await this.#lane.say({ type: 'compared', request, differing })
  }

  async state(message: MessageOf<'state'>): Promise<void> {
    const { request, document, stateVector, digest, inReturn } = message
    const { log } = this.#session.context
    const { name } = this.#collection
    const latest = await log.latest(name, document.id)
    const mine = latest && (await this.#held(latest))
    if (mine !== undefined && mine.document.generation > document.generation) {
      this.#session.fault('document-deleted', 'state', { request, document, isOurs: true })
      return
    }
    const isHeld = latest !== undefined && latest.document.generation === document.generation
    const state = isHeld ? await log.state(name, document, stateVector, asOne) : undefined
    const bytes = state?.bytes ?? nothing
    if (bytes.length + 1_024 > this.#session.maxMessageBytes) {
      this.#session.fault('document-too-large', 'state', { request, document, isOurs: true })
      return
    }
    await this.#lane.say({ type: 'update', document, cause: { kind: 'state', request }, bytes })
    if (!inReturn && digest !== undefined && digest !== mine?.digest) {
      if (this.#mayAsk()) await this.#ask(document, mine, true)
    }
  }

  /** Compares one document with a peer that turned out to lack something of it. */
  async compareOne(document: DocumentRef): Promise<void> {
    const latest = await this.#session.context.log.latest(this.#collection.name, document.id)
    if (latest === undefined) return
    const held = await this.#held(latest)
    await this.#tell(hashOf(document.id).slice(0, messageBounds.maxPrefixDigits), [held])
    if (this.#mayAsk() && !latest.deleted) {
      this.#asked.delete(document.id)
      await this.#ask(latest.document, held, false)
    }
  }

  /** An administrator has accepted what a reader offered. */
  async accept(document: DocumentRef): Promise<void> {
    const latest = await this.#session.context.log.latest(this.#collection.name, document.id)
    this.#asked.delete(document.id)
    await this.#ask(document, latest && (await this.#held(latest)), false)
  }

  async #comparePage(under: string, documents: readonly Held[]): Promise<number> {
    const holdings = await this.#collection.holdings()
    const named = new Set<DocumentId>()
    const toTell: Held[] = []
    let differing = 0
    for (const theirs of documents) {
      const { id } = theirs.document
      if (named.has(id) || !hashOf(id).startsWith(under)) continue
      named.add(id)
      const mine = await this.#afterEnding(theirs, holdings.get(id)?.held)
      if (isSame(mine, theirs)) continue
      differing++
      const isTheirsNewest = theirs.document.generation >= (mine?.document.generation ?? 0)
      const canAsk = theirs.digest !== undefined && isTheirsNewest && this.#mayAsk()
      if (canAsk) await this.#ask(theirs.document, mine, false)
      // Also that nothing is held: a reader offers it then.
      else toTell.push(mine ?? { document: { id, generation: 0 } })
    }
    for (const { held } of holdings.under(under)) {
      if (named.has(held.document.id) || isNothing(held)) continue
      differing++
      toTell.push(held)
    }
    if (toTell.length > maxToldAlone) await this.#tellUnder(under, holdings)
    else {
      for (const held of toTell) {
        await this.#tell(hashOf(held.document.id).slice(0, messageBounds.maxPrefixDigits), [held])
      }
    }
    return differing
  }

  async #compareNodes(
    nodes: readonly { readonly under: string; readonly digest: string }[],
  ): Promise<number> {
    const holdings = await this.#collection.holdings()
    let differing = 0
    for (const { under, digest } of nodes) {
      if (holdings.digestUnder(under) === digest) continue
      differing++
      const isLeaf = under.length >= messageBounds.maxPrefixDigits
      if (isLeaf || holdings.countUnder(under) <= maxPageDocuments) {
        await this.#tellUnder(under, holdings)
      } else {
        const below = hexDigits.map((digit) => under + digit)
        await this.#lane.say({
          type: 'summary',
          request: ++this.#lastRequest,
          by: {
            kind: 'tree',
            nodes: below.map((child) => ({ under: child, digest: holdings.digestUnder(child) })),
          },
        })
      }
    }
    return differing
  }

  /** What the stream does not bring: documents in which the peer holds something by itself. */
  async #compareDirty(dirty: readonly Held[]): Promise<number> {
    let differing = 0
    for (const theirs of dirty) {
      const { id } = theirs.document
      const latest = await this.#session.context.log.latest(this.#collection.name, id)
      const mine = await this.#afterEnding(theirs, latest && (await this.#held(latest)))
      if (isSame(mine, theirs)) continue
      differing++
      const isTheirsNewest = theirs.document.generation >= (mine?.document.generation ?? 0)
      if (theirs.digest !== undefined && isTheirsNewest && this.#mayAsk()) {
        await this.#ask(theirs.document, mine, false)
      } else if (mine !== undefined) {
        await this.#tell(hashOf(id).slice(0, messageBounds.maxPrefixDigits), [mine])
      }
    }
    return differing
  }

  /** A writer's generation says which ones have ended: that is a deletion which is owed here. */
  async #afterEnding(theirs: Held, mine: Held | undefined): Promise<Held | undefined> {
    const { id, generation } = theirs.document
    if (generation <= (mine?.document.generation ?? 0) || !this.#mayAsk()) return mine
    const ended = { id, generation: generation - 1 }
    await this.#session.context.log.delete(this.#collection.name, ended)
    return { document: theirs.document }
  }

  async #ask(document: DocumentRef, mine: Held | undefined, inReturn: boolean): Promise<void> {
    if (this.#asked.has(document.id) || this.#asked.size >= maxAsked) return
    this.#asked.add(document.id)
    const { log, instance } = this.#session.context
    const isHeld = mine?.digest !== undefined && mine.document.generation === document.generation
    const latest = isHeld ? await log.latest(this.#collection.name, document.id) : undefined
    const own = latest && (await this.#session.context.digests.of(this.#collection.name, latest))
    const digest = isHeld ? (own?.digest ?? notWhole(instance)) : undefined
    await this.#lane.say({
      type: 'state',
      request: ++this.#lastRequest,
      document,
      stateVector: own?.stateVector ?? emptyStateVector,
      ...(digest === undefined ? {} : { digest }),
      inReturn,
    })
  }

  /** All that is held under a prefix, in pages. */
  async #tellUnder(under: string, holdings: Holdings): Promise<void> {
    const isLeaf = under.length >= messageBounds.maxPrefixDigits
    if (!isLeaf && holdings.countUnder(under) > messageBounds.maxDocuments) {
      for (const digit of hexDigits) await this.#tellUnder(under + digit, holdings)
      return
    }
    const documents = holdings.under(under).map(({ held }) => held)
    await this.#tell(under, documents.slice(0, messageBounds.maxDocuments))
  }

  #tell(under: string, documents: readonly Held[]): Promise<void> {
    const by = { kind: 'page' as const, under, documents }
    return this.#lane.say({ type: 'summary', request: ++this.#lastRequest, by })
  }

  #held(latest: Parameters<typeof heldOf>[2]): Promise<Held> {
    const { instance } = this.#session.context
    return heldOf(this.#session.context.digests, this.#collection.name, latest, instance)
  }

  #mayAsk(): boolean {
    const { access } = this.#session
    return access !== undefined && canWrite(access)
  }
}

/** An answer is one update: what is parked is in it. */
const asOne = { maxParked: 0 }

/** No structs, no deletions. */
const nothing = Uint8Array.of(0, 0)

function isSame(mine: Held | undefined, theirs: Held): boolean {
  if (mine === undefined) return isNothing(theirs)
  return mine.document.generation === theirs.document.generation && mine.digest === theirs.digest
}

/** Nothing is held, and nothing has ended. */
function isNothing({ document, digest }: Held): boolean {
  return digest === undefined && document.generation === 0
}
