import { digestOf } from '@holdfast/peer'
import {
  readStateVector,
  type Digest,
  type DocumentId,
  type DocumentRef,
  sorted,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { ReplicaContext } from './context.js'
import { Draft } from './draft.js'
import { replicaBounds as bounds } from './limits.js'
import { hasContent, type LoadedDocument } from './loaded-document.js'
import type { HoldingsPage } from './port.js'

/*
 * What others want to know of documents, also of those that are in the store alone. Each takes its
 * turn for one document, so that nobody waits for a whole collection.
 */

/** Undefined: nothing of this generation is held. */
export function readStateVectorOf(
  context: ReplicaContext,
  document: DocumentRef,
): Promise<Uint8Array | undefined> {
  return reading(context, document, ({ held }) => Y.encodeStateVector(held.doc))
}

/** With the whole delete set, and with what is not integrated. */
export function readDifference(
  context: ReplicaContext,
  document: DocumentRef,
  stateVector: Uint8Array,
): Promise<Uint8Array | undefined> {
  // What is no state vector lacks everything.
  const from = readStateVector(stateVector).ok ? stateVector : nothing
  return reading(context, document, ({ held }) => held.difference(from))
}

/** Yjs snapshot of what the store holds; undefined: the document is not whole. */
export function readSnapshotOf(
  context: ReplicaContext,
  document: DocumentRef,
): Promise<Uint8Array | undefined> {
  return reading(context, document, async (loaded) => {
    loaded.edits?.flush()
    const draft = new Draft(context.store, context.books)
    context.local.stage(draft)
    const snapshot = Y.encodeSnapshot(Y.snapshot(loaded.held.doc))
    await draft.commit('strict')
    return loaded.held.isWhole ? snapshot : undefined
  })
}

/** A page of all documents by name, with their digests. */
export async function readHoldings(
  context: ReplicaContext,
  after: string | undefined,
  limit: number,
): Promise<HoldingsPage> {
  const ids = sorted(
    [...context.books.catalogue.all()]
      .map(({ id }) => id)
      .filter((id) => after === undefined || id > after),
  )
  const some = ids.slice(0, limit)
  const digests = new Map<DocumentId, Digest>()
  for (let at = 0; at < some.length; at += bounds.digestsAtOnce) {
    const few = some.slice(at, at + bounds.digestsAtOnce)
    for (const [id, digest] of await readDigests(context, few)) digests.set(id, digest)
  }
  const documents = some.flatMap((id) => {
    const row = context.books.catalogue.get(id)
    if (row === undefined) return []
    const digest = digests.get(id)
    const { generation, hasContent: has } = row
    return [{ document: { id, generation }, hasContent: has, ...(digest && { digest }) }]
  })
  const next = some.at(-1)
  return ids.length > some.length && next !== undefined ? { documents, next } : { documents }
}

/** Of what is whole. Computed where they are not known, and kept. */
export function readDigests(
  context: ReplicaContext,
  ids: readonly DocumentId[],
): Promise<ReadonlyMap<DocumentId, Digest>> {
  const { store, books, shelf, serial } = context
  return serial.run(async () => {
    const digests = new Map<DocumentId, Digest>()
    const draft = new Draft(store, books)
    for (const id of ids) {
      const row = books.catalogue.get(id)
      if (row === undefined || !row.hasContent) continue
      const loaded = shelf.get(id)
      const known = loaded === undefined ? row.digest : loaded.held.digest
      if (known !== undefined) digests.set(id, known)
      if (known !== undefined || loaded !== undefined) continue
      const { held } = await shelf.load(id)
      const digest = held.isWhole ? digestOf(held.doc) : undefined
      if (digest === undefined) continue
      digests.set(id, digest)
      draft.change(id, { digest })
    }
    if (!draft.isEmpty) await draft.commit('relaxed')
    return digests
  })
}

function reading<T>(
  { serial, shelf, books }: ReplicaContext,
  { id, generation }: DocumentRef,
  read: (loaded: LoadedDocument) => T | Promise<T>,
): Promise<T | undefined> {
  return serial.run(async () => {
    const isKnown = books.catalogue.get(id)?.hasContent === true || shelf.get(id) !== undefined
    if (!isKnown || books.catalogue.livingGeneration(id) !== generation) return undefined
    const loaded = await shelf.load(id)
    return hasContent(loaded.held.doc) || !loaded.held.isAllInDoc ? read(loaded) : undefined
  })
}

const nothing = Uint8Array.of(0)
