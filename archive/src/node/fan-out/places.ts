import { hash as hashOf } from 'node:crypto'
import {
  hashedOfOp,
  opHashBytes,
  type Entry,
  type InstanceId,
  type OpHash,
  type OpId,
} from '@holdfast/peer/protocol'
import type { PageTarget, PlacesByReader } from './live-page.js'

/**
 * Who holds an op already: its author, and by the word of the one who pushes it that one, and the
 * neighbours that its links have delivered it to. What was said is kept from the push until its
 * answer, so it is bounded by what may wait for the disk. Whatever is said wrongly costs a fetch: a
 * reader believes its own store alone.
 */
export class Places {
  readonly #readerOf: (instance: InstanceId) => PageTarget | undefined
  /** Where there is more to say than who its author is. */
  readonly #holdersByOp = new Map<string, readonly PageTarget[]>()

  /** @param readerOf the reader of an instance, if that one reads here */
  constructor(readerOf: (instance: InstanceId) => PageTarget | undefined) {
    this.#readerOf = readerOf
  }

  note(op: OpId, holders: readonly PageTarget[]): void {
    this.#holdersByOp.set(keyOf(op), holders)
  }

  forget(op: OpId): void {
    this.#holdersByOp.delete(keyOf(op))
  }

  /** Which readers hold which of these entries. */
  of(entries: readonly Entry[]): PlacesByReader {
    const places = new Map<PageTarget, Set<number>>()
    const areSaid = this.#holdersByOp.size > 0
    // Entries of one author mostly follow on each other.
    let instance: InstanceId | undefined
    let seqs: Set<number> | undefined
    for (const entry of entries) {
      if (entry.kind !== 'row' || entry.op === undefined) continue
      if (entry.op.instance !== instance) {
        instance = entry.op.instance
        const author = this.#readerOf(instance)
        seqs = author && seqsOf(places, author)
      }
      seqs?.add(entry.seq)
      if (!areSaid) continue
      for (const reader of this.#holdersByOp.get(keyOf(entry.op)) ?? []) {
        seqsOf(places, reader).add(entry.seq)
      }
    }
    return places
  }
}

/** The place of a live op: its seq, and the hash that stands for its id and its bytes. */
export function placeOf(entry: Entry): Entry | undefined {
  if (entry.kind !== 'row' || entry.op === undefined) return undefined
  const hashed = hashedOfOp(entry.op, entry.document, entry.bytes)
  // In one call: an object for each hash would cost twice as much as hashing.
  const hash = hashOf('sha256', hashed, 'hex').slice(0, 2 * opHashBytes) as OpHash
  return { kind: 'place', seq: entry.seq, hash }
}

function seqsOf(places: Map<PageTarget, Set<number>>, reader: PageTarget): Set<number> {
  let seqs = places.get(reader)
  if (seqs === undefined) {
    seqs = new Set()
    places.set(reader, seqs)
  }
  return seqs
}

function keyOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
