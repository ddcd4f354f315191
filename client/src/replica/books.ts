import type { Clock, Random } from '@holdfast/peer/ports'
import { jittered } from '@holdfast/peer/ports'
import { Listeners } from '@holdfast/peer'
import type { DocumentId, DocumentRef } from '@holdfast/peer/protocol'
import type { CollectionIndex } from '../store/kept-rows.js'
import { Catalogue } from './catalogue.js'
import { replicaBounds as bounds } from './limits.js'
import { Outbox } from './outbox.js'
import { Positions } from './positions.js'

/** What the store holds of a collection, without bytes: changed after its transactions, by drafts. */
export interface Books {
  readonly catalogue: Catalogue
  readonly outbox: Outbox
  readonly positions: Positions
  /** Own edits that were refused and are kept, by document. */
  readonly keptById: Map<DocumentId, number>
  /** What has just become durable, row by row: for those who hold documents elsewhere. */
  readonly onRow: Listeners<[DocumentRef, Uint8Array]>
}

export function booksOf(index: CollectionIndex, clock: Clock, random: Random): Books {
  const catalogue = new Catalogue(index.documents)
  const positions = new Positions(index.cursors)
  for (const { documentKey, archive, seq } of index.places) {
    const row = catalogue.byKey(documentKey)
    if (row !== undefined) positions.setLastSeq(archive, row.id, seq)
  }
  const keptById = new Map<DocumentId, number>()
  for (const [key, count] of index.keptByDocument) {
    const row = catalogue.byKey(key)
    if (row !== undefined) keptById.set(row.id, count)
  }
  const outbox = new Outbox(index.ops, index.answers, () => carryAtMs(clock, random))
  return { catalogue, outbox, positions, keptById, onRow: new Listeners() }
}

/** When an op of somebody else's is carried to the archives that have not heard of it by then. */
export function carryAtMs(clock: Clock, random: Random): number {
  return clock.monotonic() + jittered(random, bounds.carryAfterMs, 1 / 3)
}
