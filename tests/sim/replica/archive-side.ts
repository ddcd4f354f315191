import type { Log, Page as LogPage } from '@holdfast/archive'
import { MemoryDisk, openMemoryLog } from '@holdfast/archive/testing'
import type { ArchiveLedger, FetchedEntry } from '@holdfast/client/testing'
import type { Clock } from '@holdfast/peer/ports'
import { silentLogger } from '@holdfast/peer/ports'
import {
  hashedOfOp,
  hexOf,
  nextAfter,
  type CollectionName,
  type DocumentRef,
  type Entry,
  type OpHash,
  type OpId,
} from '@holdfast/peer/protocol'
import type { SeededRandom } from '@holdfast/peer/testing'
import { digest as sha256 } from 'lib0/hash/sha256'
import * as Y from 'yjs'
import { buildFrom } from '../../contract/log/build.js'

/** How honest the way between a replica and its archive is. */
export interface Way {
  readonly loses: number
  readonly doubles: number
  /** The link ends after so many exchanges. */
  readonly endsAfter: number
}

/** An archive on a log in memory, as a ledger meets it: the answers, without a network. */
export class ArchiveSide {
  readonly #clock: Clock
  readonly #random: SeededRandom
  readonly #note: (what: string) => void
  #disk: MemoryDisk
  #log: Log | undefined

  constructor(clock: Clock, random: SeededRandom, note: (what: string) => void) {
    this.#clock = clock
    this.#random = random
    this.#note = note
    this.#disk = new MemoryDisk(random)
  }

  async log(): Promise<Log> {
    this.#log ??= await openMemoryLog({
      clock: this.#clock,
      random: this.#random,
      logger: silentLogger,
      disk: this.#disk,
    })
    return this.#log
  }

  /** A new opening of the same file. */
  restart(): void {
    this.#disk.crash()
    this.#log = undefined
  }

  backup(): MemoryDisk {
    return this.#disk.copy()
  }

  restore(disk: MemoryDisk): void {
    this.restart()
    this.#disk = disk.copy()
  }

  /** Another archive in its place, empty. */
  replace(): void {
    this.restart()
    this.#disk = new MemoryDisk(this.#random)
  }

  /** Snapshot, and all rows that it stands for go: those who are behind meet it in the stream. */
  async compact(collection: CollectionName, document: DocumentRef): Promise<void> {
    const log = await this.log()
    const built = await buildFrom(log, document, collection)
    if (built === undefined || (await log.compaction.publish(built)) !== 'published') return
    await log.compaction.settle(collection, document)
    const { removed } = await log.compaction.retire(collection, document, 1_000)
    if (removed > 0) this.#note('retired')
  }

  /** One meeting: stream, resync where it is due, push. Ends early as the way does. */
  async meet(ledger: ArchiveLedger, collection: CollectionName, way: Way): Promise<void> {
    const log = await this.log()
    const session = new Session(log, ledger, collection, way, this.#random, this.#note)
    await session.run()
  }
}

class LinkEnded extends Error {}

class Session {
  readonly #log: Log
  readonly #ledger: ArchiveLedger
  readonly #collection: CollectionName
  readonly #way: Way
  readonly #random: SeededRandom
  readonly #note: (what: string) => void
  #exchanges = 0

  constructor(
    log: Log,
    ledger: ArchiveLedger,
    collection: CollectionName,
    way: Way,
    random: SeededRandom,
    note: (what: string) => void,
  ) {
    this.#log = log
    this.#ledger = ledger
    this.#collection = collection
    this.#way = way
    this.#random = random
    this.#note = note
  }

  async run(): Promise<void> {
    try {
      await this.#push()
      await this.#stream()
      await this.#push()
      await this.#stream()
    } catch (error) {
      if (!(error instanceof LinkEnded)) throw error
      this.#note('link ended')
    }
  }

  #step(): void {
    if (++this.#exchanges > this.#way.endsAfter) throw new LinkEnded()
  }

  // Down -------------------------------------------------------------------------------------------

  async #stream(): Promise<void> {
    const { archive, term } = this.#log
    const position = this.#ledger.position(archive)
    let after = 0
    if (position !== undefined && position.cursor.seq > 0) {
      const isGood = position.isWhole || position.cursor.term === term
      const { standing } = await this.#log.locate(this.#collection, position.cursor)
      if (!isGood || standing === 'ahead' || standing === 'unknown-term') {
        await this.#resync()
        return
      }
      after = position.cursor.seq
    }
    for (;;) {
      this.#step()
      const page = await this.#log.read({
        collection: this.#collection,
        after,
        maxBytes: 2_000,
        maxEntries: 1 + this.#random.below(12),
        maxSnapshotBytes: 300,
      })
      if (!(await this.#give(page, after))) return
      if (this.#random.chance(this.#way.doubles)) await this.#give(page, after)
      if (page.through === page.head) break
      after = page.through
    }
    if (this.#ledger.position(archive)?.isCompared === false) await this.#resync()
  }

  async #give(page: LogPage, after: number): Promise<boolean> {
    const { archive } = this.#log
    const shared = { archive, term: page.term, after, through: page.through, head: page.head }
    const entries = page.entries.map((entry) => this.#wireEntry(entry))
    const fetched = new Map<number, FetchedEntry>()
    for (let round = 0; round < 4; round++) {
      const outcome = await this.#ledger.take({ ...shared, entries, fetched })
      if (outcome.kind === 'taken') {
        this.#note('page')
        return true
      }
      if (outcome.entries.length === 0) return false
      this.#step()
      for (const { seq, difference } of outcome.entries) {
        this.#note(difference === undefined ? 'fetched' : 'fetched difference')
        const entry = page.entries.find((one) => one.seq === seq)
        if (entry === undefined) throw new Error(`nothing stands at ${seq}`)
        if (difference !== undefined || entry.kind === 'snapshot') {
          const { document } = entry
          const state = await this.#log.state(this.#collection, document, difference?.stateVector)
          if (state === undefined) throw new Error(`no state of ${document.id}`)
          const { bytes, parked } = state
          fetched.set(seq, { kind: 'difference', document, bytes, parked })
        } else {
          fetched.set(seq, { ...(this.#wireEntry(entry, false) as Entry & { kind: 'row' }) })
        }
      }
    }
    throw new Error('a page that always needs more')
  }

  #wireEntry(entry: LogPage['entries'][number], mayPlace = true): Entry {
    const { seq, document } = entry
    if (entry.kind === 'tombstone') return { kind: 'tombstone', seq, document }
    if (entry.kind === 'row') {
      const { id, bytes } = entry
      if (id !== undefined && mayPlace && this.#random.chance(0.5)) {
        this.#note('place')
        return { kind: 'place', seq, hash: hashOf(id, document, bytes) }
      }
      return { kind: 'row', seq, document, bytes, ...(id === undefined ? {} : { op: id }) }
    }
    const { bytes, size: sizeBytes, stateVector, parked } = entry
    if (bytes !== undefined) return { kind: 'snapshot', seq, document, bytes, parked }
    this.#note('large snapshot')
    return { kind: 'large-snapshot', seq, document, sizeBytes, stateVector }
  }

  // Both ways --------------------------------------------------------------------------------------

  async #resync(): Promise<void> {
    this.#note('resync')
    const { archive, term } = this.#log
    const head = await this.#log.head(this.#collection)
    const theirs = new Map<string, DocumentRef>()
    for (let after: string | undefined; ;) {
      const page = await this.#ledger.holdings(after, 3)
      for (const { document, hasContent } of page.documents) {
        theirs.set(document.id, document)
        if (document.generation > 0) {
          const before = { ...document, generation: document.generation - 1 }
          await this.#log.delete(this.#collection, before)
        }
        if (hasContent) await this.#exchange(document)
      }
      if (page.next === undefined) break
      after = page.next
    }
    const { documents } = await this.#log.documents({ collection: this.#collection, limit: 1_000 })
    for (const { document, deleted } of documents) {
      this.#step()
      const generation = theirs.get(document.id)?.generation ?? 0
      if (deleted) await this.#ledger.end(document)
      else if (document.generation >= generation) await this.#exchange(document)
    }
    await this.#ledger.resynced({
      cursor: { archive, term, seq: head },
      isWhole: true,
      isCompared: true,
    })
  }

  async #exchange(document: DocumentRef): Promise<void> {
    this.#step()
    const vector = (await this.#ledger.stateVector(document)) ?? Uint8Array.of(0)
    const latest = await this.#log.latest(this.#collection, document.id)
    const isOurs = latest?.document.generation === document.generation && !latest.deleted
    const state = isOurs ? await this.#log.state(this.#collection, document, vector) : undefined
    if (state !== undefined) await this.#ledger.receive(document, [state.bytes, ...state.parked])
    this.#step()
    const whole = isOurs ? await this.#log.state(this.#collection, document) : undefined
    const held = whole === undefined ? Uint8Array.of(0) : Y.encodeStateVectorFromUpdate(whole.bytes)
    const bytes = await this.#ledger.difference(document, held)
    if (bytes === undefined) return
    await this.#log.append([{ collection: this.#collection, document, kind: 'upload', bytes }])
  }

  // Up ---------------------------------------------------------------------------------------------

  async #push(): Promise<void> {
    const { archive } = this.#log
    let after = 0
    for (;;) {
      this.#step()
      const { ops, more } = await this.#ledger.owed(
        archive,
        after,
        1 + this.#random.below(8),
        10_000,
      )
      for (const one of ops) {
        after = one.position
        const { document } = one
        const collection = this.#collection
        if (one.kind === 'tombstone') {
          const outcome = await this.#log.delete(collection, document)
          await this.#answer(one.op, outcome, false)
        } else {
          const [outcome] = await this.#log.append([
            { collection, document, kind: one.kind, id: one.op, bytes: one.bytes },
          ])
          if (outcome === undefined) throw new Error('an append without an outcome')
          await this.#answer(one.op, outcome, outcome.status === 'committed' && outcome.gapped)
        }
        this.#note(one.isOwn ? 'pushed' : 'carried')
      }
      if (!more) return
    }
  }

  async #answer(
    op: OpId,
    outcome: Awaited<ReturnType<Log['delete']>>,
    gapped: boolean,
  ): Promise<void> {
    if (this.#random.chance(this.#way.loses)) {
      this.#note('lost answer')
      return
    }
    const { archive, term } = this.#log
    for (let times = this.#random.chance(this.#way.doubles) ? 2 : 1; times > 0; times--) {
      if (outcome.status === 'refused') {
        const { code } = outcome.refusal
        this.#note(`refused ${code}`)
        // What may be taken later stays owed.
        if (nextAfter(code) !== 'fatal') continue
        await this.#ledger.refused(archive, [{ op, code }])
      } else {
        const seq = outcome.added ? { seq: outcome.seq } : {}
        await this.#ledger.committed(archive, term, [{ op, ...seq, gapped }])
      }
    }
  }
}

function hashOf(op: OpId, document: DocumentRef, bytes: Uint8Array): OpHash {
  return hexOf(sha256(hashedOfOp(op, document, bytes)).subarray(0, 8)) as OpHash
}
