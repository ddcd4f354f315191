import {
  emptyCoverage,
  GrowingCoverage,
  type Coverage,
  type DocumentRef,
  type IdRanges,
  type InstanceId,
} from '@holdfast/peer/protocol'
import { Parked, type HeldRow } from './parked.js'

/**
 * All that judging an op has to know of one generation of a document. Kept in memory while the
 * document is written to, and rebuilt from the durable rows, or from a checkpoint and what came
 * after it. What is in it may be ahead of the disk while a group is being written: `Ledger` drops
 * it if the group fails.
 */
export class DocumentState {
  readonly ref: DocumentRef
  /** The seq of the tombstone, once the generation has ended. */
  deletedSeq: number | undefined
  /** Of the document's last entry; 0 before the first. */
  lastSeq = 0
  /** Stored: the snapshot and the rows after it. */
  bytes = 0
  /** Who first wrote under a clientID, of those that wrote live. */
  readonly instanceByClient: Map<number, InstanceId>
  /** Hashes of bytes that were a row here and had to be taken out again: they stay out. */
  readonly setAside: Set<string>
  /**
   * What the rows contain and a Y.Doc would have integrated: nothing in here refers to anything that
   * is not in here too.
   */
  readonly integrated: GrowingCoverage
  readonly parked: Parked

  constructor(
    ref: DocumentRef,
    integrated: Coverage = emptyCoverage,
    instanceByClient: ReadonlyMap<number, InstanceId> = new Map(),
    setAside: ReadonlySet<string> = new Set(),
  ) {
    this.ref = ref
    this.instanceByClient = new Map(instanceByClient)
    this.setAside = new Set(setAside)
    this.integrated = new GrowingCoverage(integrated)
    this.parked = new Parked(this.integrated)
  }

  get isDeleted(): boolean {
    return this.deletedSeq !== undefined
  }

  /** Whether a stored row refers to something that no stored row holds. What is deleted has no gap. */
  get isGapped(): boolean {
    return this.parked.count > 0 && !this.isDeleted
  }

  /** What peers should be asked for; empty if the document has no gap. */
  get missing(): IdRanges {
    return this.isGapped ? this.parked.missing() : emptyCoverage.structs
  }

  /** Every client that has written here, integrated or not. */
  get clients(): ReadonlySet<number> {
    const clients = new Set(this.integrated.toCoverage().structs.keys())
    for (const { coverage } of this.parked.rows) {
      for (const client of coverage.structs.keys()) clients.add(client)
    }
    return clients
  }

  /** Roughly what it takes to keep this in memory. */
  get memoryBytes(): number {
    const ranges = this.integrated.rangeCount
    const names = this.instanceByClient.size + this.setAside.size
    return emptyBytes + ranges * bytesARange + names * bytesAName + this.parked.bytes
  }

  /** Takes in a new row, which misses this. */
  take(row: HeldRow, missing: IdRanges): void {
    this.lastSeq = row.seq
    this.bytes += row.size
    this.#hold(row, missing)
  }

  /**
   * Takes in bytes whose seq and size are accounted for already: rows when the state is rebuilt, in
   * any order, and those that a snapshot carries beside it.
   */
  integrate(row: HeldRow): void {
    this.#hold(row, this.integrated.missing(row.coverage))
  }

  /** The generation ends with the tombstone that has this seq. */
  end(seq: number): void {
    this.deletedSeq = seq
    this.lastSeq = seq
  }

  #hold(row: HeldRow, missing: IdRanges): void {
    if (missing.size > 0) {
      this.parked.add(row, missing)
    } else {
      this.integrated.add(row.coverage)
      this.parked.release(row.coverage)
    }
  }
}

/** Objects and maps without anything in them; a client's range with its place in a map; a name. */
const emptyBytes = 2_000
const bytesARange = 120
const bytesAName = 100
