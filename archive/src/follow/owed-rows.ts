import type { OwedOp, OwedPage } from '@holdfast/peer/archive-link'
import { digest as sha256 } from 'lib0/hash/sha256'
import {
  hashedOfOp,
  hexOf,
  type CollectionName,
  type DocumentRef,
  type InstanceId,
  type OpId,
  type TermId,
} from '@holdfast/peer/protocol'
import type { Entry, Log, Page } from '../log/port.js'

/*
 * What of the own log another archive has not answered yet.
 *
 *   0 ── given ───────────────────────── seen ─────────────── head
 *        │ theirs, or passed: forgotten   │ not looked at yet
 *        │ the rest: `open`               │ theirs: `foreign`
 *
 *   open:  asked ── committed there ──► answered ── the cursor has passed that ──► passed
 *            ▲                              │ another opening of their log
 *            └──────────────────────────────┘ it may be an older copy, which never heard of it
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
  /** Entries up to `#seen` that the other log is not known to hold for good. */
  readonly #open = new Map<number, Open>()
  readonly #ownByOp = new Map<string, number>()
  /** Beyond `#seen`: came from the other archive. */
  readonly #foreign = new Set<number>()
  /** Answered by an opening that is over, with their documents: owed anew when they are met. */
  readonly #again = new Map<number, string>()
  /** Documents with rows that were owed when the own log retired them: their snapshots are owed. */
  readonly #retired = new Set<string>()
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

  /** Not answered. */
  get openCount(): number {
    let count = 0
    for (const { answer } of this.#open.values()) if (answer === undefined) count++
    return count
  }

  /**
   * The cursor in the other log has moved: to the end of a page, or by a resync. True: something is
   * owed again.
   */
  passed(term: TermId, seq: number, isAtHead: boolean): boolean {
    let isOwedAgain = false
    for (const [own, { answer, document }] of this.#open) {
      if (answer === undefined) continue
      if (answer.term !== term) {
        this.#open.delete(own)
        this.#again.set(own, document)
        isOwedAgain = true
      } else if (answer.seq === undefined ? isAtHead : answer.seq <= seq) this.#settle(own)
    }
    return isOwedAgain
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
    let from = Math.max(after, this.#given)
    for (;;) {
      const page = await this.#log.read({
        collection: this.#collection,
        after: from,
        maxBytes,
        maxEntries: maxOps,
      })
      if (from < this.#seen) this.#lookForRetired(from, page)
      const ops = page.entries.flatMap((entry) => this.#look(entry))
      if (page.through > this.#seen) {
        this.#seen = page.through
        for (const seq of this.#foreign) if (seq <= this.#seen) this.#foreign.delete(seq)
      }
      const isAtHead = page.through === page.head
      if (isAtHead) {
        this.#retired.clear()
        this.#headSeen = Math.max(this.#headSeen, page.head)
      }
      this.#raise()
      if (ops.length > 0 || isAtHead) return { ops, more: !isAtHead }
      from = page.through
    }
  }

  /** @param theirs its seq there; undefined: it made no entry, because all of it was there */
  committed(op: OpId, term: TermId, theirs: number | undefined): void {
    const { own, isLast } = this.#answered(op)
    const open = own === undefined ? undefined : this.#open.get(own)
    if (isLast && open !== undefined) open.answer = { term, seq: theirs }
  }

  /** For good. False: nothing that went from here. */
  refused(op: OpId): boolean {
    const { own, isLast } = this.#answered(op)
    if (own !== undefined && isLast) this.#settle(own)
    return own !== undefined
  }

  #answered(op: OpId): { readonly own: number | undefined; readonly isLast: boolean } {
    const key = keyOf(op)
    const own = this.#ownByOp.get(key)
    if (own === undefined) return { own, isLast: false }
    this.#ownByOp.delete(key)
    const awaited = this.#open.get(own)?.awaited
    awaited?.delete(key)
    return { own, isLast: awaited?.size === 0 }
  }

  /** A live op was refused for who wrote it: it is owed as an upload from now on. */
  askAsUpload(op: OpId): boolean {
    const key = keyOf(op)
    const seq = this.#ownByOp.get(key)
    if (seq === undefined || op.instance === this.#instance) return false
    this.#ownByOp.delete(key)
    this.#asUploads.add(seq)
    const open = this.#open.get(seq)
    open?.awaited.clear()
    open?.awaited.add(keyOf(this.#madeId(seq, 0)))
    return true
  }

  /** The row that this hash names, if it went from here: then it is in this log. */
  seqOf(hash: string): number | undefined {
    return this.#seqByHash.get(hash)
  }

  #look(entry: Entry): readonly OwedOp[] {
    const { seq } = entry
    // A snapshot at the place of a row of theirs may stand for others before it.
    if (entry.kind !== 'snapshot' && this.#foreign.has(seq)) return []
    const document = keyOfDocument(entry.document)
    // It is owed itself from here on: nothing is settled by what it stands for.
    if (entry.kind === 'snapshot' && this.#retired.delete(document)) this.#forget(seq)
    else if (this.#open.get(seq)?.answer !== undefined) return []
    else if (seq <= this.#seen && !this.#open.has(seq) && !this.#again.has(seq)) return []
    const ops = this.#opsOf(entry)
    const keys = ops.map(({ op }) => keyOf(op))
    const known = this.#open.get(seq)
    // A snapshot may have been made anew at the same place, with other rows parked beside it.
    const isAnother = known !== undefined && ![...known.awaited].every((key) => keys.includes(key))
    if (known === undefined || isAnother) {
      this.#again.delete(seq)
      this.#open.set(seq, { awaited: new Set(keys), answer: undefined, document })
    }
    const awaited = this.#open.get(seq)?.awaited
    const owed = ops.filter((_op, at) => awaited?.has(keys[at] as string))
    for (const { op } of owed) this.#ownByOp.set(keyOf(op), seq)
    return owed
  }

  /** What was owed and is not there any more: the snapshot that stands for it comes behind it. */
  #lookForRetired(after: number, { entries, through }: Page): void {
    const present = new Set(entries.map(({ seq }) => seq))
    const isGone = (seq: number): boolean => seq > after && seq <= through && !present.has(seq)
    for (const [seq, { answer, document }] of this.#open) {
      if (!isGone(seq)) continue
      // What is answered and not passed is known there, unless their log is another by then.
      if (answer !== undefined) continue
      this.#retired.add(document)
      this.#settle(seq)
    }
    for (const [seq, document] of this.#again) {
      if (!isGone(seq)) continue
      this.#again.delete(seq)
      this.#retired.add(document)
    }
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
      default:
        return [{ ...common, kind: 'tombstone', op: this.#madeId(seq, 0) }]
    }
  }

  #settle(seq: number): void {
    this.#forget(seq)
    this.#raise()
  }

  #forget(seq: number): void {
    for (const key of this.#open.get(seq)?.awaited ?? []) this.#ownByOp.delete(key)
    this.#open.delete(seq)
    this.#asUploads.delete(seq)
  }

  #raise(): void {
    if (this.#open.size + this.#again.size + this.#retired.size === 0) this.#given = this.#headSeen
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

interface Open {
  /** Ids under which it went, and which are not answered. */
  readonly awaited: Set<string>
  /** All of it is committed there: by that opening, and at that seq where it made an entry. */
  answer: { readonly term: TermId; readonly seq: number | undefined } | undefined
  readonly document: string
}

/** A snapshot, and at most 4,096 rows that are parked beside it. */
const maxParts = 8_192
/** Places come back within a round trip or so; one that is not known any more costs a fetch. */
const maxRemembered = 4_096

function keyOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}

function keyOfDocument({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
