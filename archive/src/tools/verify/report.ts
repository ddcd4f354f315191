import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'

/** What kind of thing is wrong. */
export type FaultKind =
  /** SQLite finds the file itself broken. */
  | 'structure'
  /** Its tables are not those of its version. */
  | 'schema'
  /** An entry is not as it was written, or does not read. */
  | 'entry'
  /** A snapshot is not as it was written, does not read back, or lacks a row that it stands for. */
  | 'snapshot'
  /** Seqs or terms do not ascend, are beyond a counter, or a row is gone that nothing stands for. */
  | 'sequence'
  /** A number that is kept is not what counting gives. */
  | 'counter'
  /** Something names what is not there. */
  | 'reference'
  /** What a document's rows add up to is not what is written down of it. */
  | 'coverage'

export interface Fault {
  readonly kind: FaultKind
  readonly collection?: CollectionName
  readonly document?: DocumentRef
  readonly seq?: number
  readonly what: string
}

export interface VerifyReport {
  readonly file: string
  /** No fault was found. */
  readonly isWhole: boolean
  /** The first of them, at most `maxFaults`. */
  readonly faults: readonly Fault[]
  readonly faultCount: number
  /** What was looked at: a report of an empty log should not look like one of a full log. */
  readonly checked: {
    readonly collections: number
    readonly documents: number
    readonly entries: number
    readonly snapshots: number
    readonly terms: number
    readonly ops: number
    readonly bytes: number
  }
}

/** Whoever has more has one fault that explains them. */
const maxFaults = 1_000

/** Collects faults, and what was looked at. */
export class Findings {
  readonly #faults: Fault[] = []
  #count = 0
  readonly checked = {
    collections: 0,
    documents: 0,
    entries: 0,
    snapshots: 0,
    terms: 0,
    ops: 0,
    bytes: 0,
  }

  add(fault: Fault): void {
    this.#count++
    if (this.#faults.length < maxFaults) this.#faults.push(fault)
  }

  report(file: string): VerifyReport {
    return {
      file,
      isWhole: this.#count === 0,
      faults: this.#faults,
      faultCount: this.#count,
      checked: this.checked,
    }
  }
}
