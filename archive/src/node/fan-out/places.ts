import { hash as hashOf } from 'node:crypto'
import {
  hashedOfOp,
  opHashBytes,
  type Entry,
  type OpHash,
  type OpId,
} from '@holdfast/peer/protocol'
import type { PageTarget, PlacesByReader } from './live-page.js'

/**
 * Who holds an op already, by the word of the one who pushes it: itself, and the neighbours that its
 * links have delivered it to. Kept from the push until its answer, so it is bounded by what may wait
 * for the disk. Whatever is said wrongly costs a fetch: a reader believes its own store alone.
 */
export class Places {
  readonly #holdersByOp = new Map<string, readonly PageTarget[]>()

  note(op: OpId, holders: readonly PageTarget[]): void {
    this.#holdersByOp.set(keyOf(op), holders)
  }

  forget(op: OpId): void {
    this.#holdersByOp.delete(keyOf(op))
  }

  /** Which readers hold which of these entries. */
  of(entries: readonly Entry[]): PlacesByReader {
    if (this.#holdersByOp.size === 0) return none
    const places = new Map<PageTarget, Set<number>>()
    for (const entry of entries) {
      if (entry.kind !== 'row' || entry.op === undefined) continue
      for (const reader of this.#holdersByOp.get(keyOf(entry.op)) ?? []) {
        const seqs = places.get(reader)
        if (seqs === undefined) places.set(reader, new Set([entry.seq]))
        else seqs.add(entry.seq)
      }
    }
    return places
  }
}

/** The place of a live op: its seq, and the hash that stands for its id and its bytes. */
export function placeOf(entry: Entry | undefined): Entry | undefined {
  if (entry?.kind !== 'row' || entry.op === undefined) return undefined
  const hashed = hashedOfOp(entry.op, entry.document, entry.bytes)
  // In one call: an object for each hash would cost twice as much as hashing.
  const hash = hashOf('sha256', hashed, 'hex').slice(0, 2 * opHashBytes) as OpHash
  return { kind: 'place', seq: entry.seq, hash }
}

const none: PlacesByReader = new Map()

function keyOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
