import type { OwedOp, OwedPage } from '@holdfast/peer/archive-link'
import { digest as sha256 } from 'lib0/hash/sha256'
import {
  hashedOfOp,
  hexOf,
  type CollectionName,
  type InstanceId,
  type OpId,
} from '@holdfast/peer/protocol'
import type { Entry, Log } from '../log/port.js'

/*
 * What of the own log another archive has not answered yet.
 *
 *   0 ── given ─────────────────── seen ─────────────── head
 *        │ answered, or theirs: gone │ not looked at yet
 *        │ the rest: `open`          │ theirs: `foreign`
 *
 * Nothing of an entry is kept but its seq and the ids under which it went. A row goes under its own
 * op id, so that both logs know it by the same one. What has none (an upload, a snapshot, a tombstone)
 * goes under an id that is made of its seq: said twice it is the same, and decides nothing there.
 */
export class OwedRows {
  readonly #log: Log
  readonly #collection: CollectionName
  /** Of the ids that are made here: nobody else has it. */
  readonly #instance: InstanceId
  /** Entries up to `#seen` that are not answered, and the ids that are awaited for each. */
  readonly #open = new Map<number, Set<string>>()
  readonly #seqByOp = new Map<string, number>()
  /** Beyond `#seen`: came from the other archive. */
  readonly #foreign = new Set<number>()
  /** Refused as live ops: they go as uploads, which are not judged by who wrote them. */
  readonly #asUploads = new Set<number>()
  /** Rows that went lately, by the hash under which their place comes back. */
  readonly #seqByHash = new Map<string, number>()
  #seen: number
  /** The last head that a look at the log has reached, with everything before it. */
  #headSeen: number
  #given: number

  constructor(log: Log, collection: CollectionName, instance: InstanceId, given: number) {
    this.#log = log
    this.#collection = collection
    this.#instance = instance
    this.#seen = this.#headSeen = this.#given = given
  }

  /**
   * Everything that the log held when this was its head is settled: so an older copy of it that
   * reaches so far holds nothing below that is owed.
   */
  get given(): number {
    return this.#given
  }

  get openCount(): number {
    return this.#open.size
  }

  /** The entry with this seq came from the other archive, or it has just said that it holds it. */
  came(seq: number): void {
    if (seq > this.#seen) this.#foreign.add(seq)
    else this.#settle(seq)
  }

  /** The log's new entries. False: all of them were known to be the other archive's. */
  announced(seqs: readonly number[]): boolean {
    let isNews = false
    for (const seq of seqs) {
      if (seq === this.#seen + 1 && this.#foreign.delete(seq)) {
        if (this.#headSeen === this.#seen) this.#headSeen = seq
        this.#seen = seq
        this.#raise()
      } else if (seq > this.#seen) isNews = true
    }
    return isNews
  }

  /** Entries after `after` that are owed, oldest first. */
  async read(after: number, maxOps: number, maxBytes: number): Promise<OwedPage> {
    let from = Math.max(after, this.#open.size === 0 ? this.#seen : this.#given)
    for (;;) {
      const page = await this.#log.read({
        collection: this.#collection,
        after: from,
        maxBytes,
        maxEntries: maxOps,
      })
      const ops = page.entries.flatMap((entry) => this.#look(entry))
      if (page.through > this.#seen) {
        this.#seen = page.through
        for (const seq of this.#foreign) if (seq <= this.#seen) this.#foreign.delete(seq)
      }
      const isAtHead = page.through === page.head
      if (isAtHead) this.#headSeen = Math.max(this.#headSeen, page.head)
      this.#raise()
      if (ops.length > 0 || isAtHead) return { ops, more: !isAtHead }
      from = page.through
    }
  }

  /** Answered. False: nothing that was given from here. */
  answered(op: OpId): boolean {
    const key = keyOf(op)
    const seq = this.#seqByOp.get(key)
    if (seq === undefined) return false
    this.#seqByOp.delete(key)
    const awaited = this.#open.get(seq)
    awaited?.delete(key)
    if (awaited?.size === 0) this.#settle(seq)
    return true
  }

  /** A live op was refused for who wrote it: it is owed as an upload from now on. */
  askAsUpload(op: OpId): boolean {
    const key = keyOf(op)
    const seq = this.#seqByOp.get(key)
    if (seq === undefined || op.instance === this.#instance) return false
    this.#seqByOp.delete(key)
    this.#asUploads.add(seq)
    this.#open.set(seq, new Set([keyOf(this.#madeId(seq, 0))]))
    return true
  }

  /** The row that this hash names, if it went from here: then it is in this log. */
  seqOf(hash: string): number | undefined {
    return this.#seqByHash.get(hash)
  }

  #look(entry: Entry): readonly OwedOp[] {
    const { seq } = entry
    if (seq <= this.#seen && !this.#open.has(seq)) return []
    if (this.#foreign.has(seq)) return []
    const ops = this.#opsOf(entry)
    const keys = ops.map(({ op }) => keyOf(op))
    const awaited = this.#open.get(seq)
    if (awaited === undefined) this.#open.set(seq, new Set(keys))
    const owed = ops.filter((_op, at) => awaited?.has(keys[at] as string) ?? true)
    for (const { op } of owed) this.#seqByOp.set(keyOf(op), seq)
    return owed
  }

  #opsOf(entry: Entry): readonly OwedOp[] {
    const { seq, document } = entry
    const common = { position: seq, document, isOwn: true }
    switch (entry.kind) {
      case 'row': {
        const { id, bytes } = entry
        if (id === undefined || this.#asUploads.has(seq)) {
          return [{ ...common, kind: 'upload', op: this.#madeId(seq, 0), bytes }]
        }
        this.#remember(hexOf(sha256(hashedOfOp(id, document, bytes)).subarray(0, 8)), seq)
        return [{ ...common, kind: 'live', op: id, bytes }]
      }
      case 'snapshot':
        return [entry.bytes ?? new Uint8Array([0, 0]), ...entry.parked].map((bytes, part) => ({
          ...common,
          kind: 'upload' as const,
          op: this.#madeId(seq, part),
          bytes,
        }))
      case 'tombstone':
        return [{ ...common, kind: 'tombstone', op: this.#madeId(seq, 0) }]
    }
  }

  #settle(seq: number): void {
    for (const key of this.#open.get(seq) ?? []) this.#seqByOp.delete(key)
    this.#open.delete(seq)
    this.#asUploads.delete(seq)
    this.#raise()
  }

  #raise(): void {
    if (this.#open.size === 0) this.#given = this.#headSeen
  }

  #remember(hash: string, seq: number): void {
    this.#seqByHash.delete(hash)
    this.#seqByHash.set(hash, seq)
    if (this.#seqByHash.size <= maxRemembered) return
    const [oldest] = this.#seqByHash.keys()
    if (oldest !== undefined) this.#seqByHash.delete(oldest)
  }

  #madeId(seq: number, part: number): OpId {
    return { instance: this.#instance, n: seq * maxParts + part }
  }
}

/** A snapshot, and at most 4,096 rows that are parked beside it. */
const maxParts = 8_192
/** Places come back within a round trip or so; one that is not known any more costs a fetch. */
const maxRemembered = 4_096

function keyOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
