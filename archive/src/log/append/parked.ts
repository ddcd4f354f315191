import {
  emptyCoverage,
  GrowingCoverage,
  type Coverage,
  type IdRanges,
} from '@holdfast/peer/protocol'

export interface HeldRow {
  readonly seq: number
  readonly size: number
  readonly coverage: Coverage
}

/**
 * The rows of a document that wait for others, each filed under one client that it waits for: a row
 * that arrives looks only at those whose wait it may have ended, however many there are.
 *
 * Rows are treated whole, so two of them may wait for parts of each other (state uploads with holes
 * in them do). Therefore one id that no row at all holds is remembered, as proof that the gap is
 * real; once that id has come too, and nothing else is missing, everything is released together.
 */
export class Parked {
  readonly #integrated: GrowingCoverage
  readonly #rowBySeq = new Map<number, HeldRow>()
  readonly #waitingByClient = new Map<number, Waiting[]>()
  /** Of the rows that are parked, and of some that were and are integrated now. */
  #held = new GrowingCoverage()
  /** An id that some parked row refers to and no row holds. */
  #proof: Coverage | undefined
  #bytes = 0
  #newestSeq = 0

  /** What it moves out of the park goes into `integrated`. */
  constructor(integrated: GrowingCoverage) {
    this.#integrated = integrated
  }

  get count(): number {
    return this.#rowBySeq.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Of the rows that were ever parked. */
  get newestSeq(): number {
    return this.#newestSeq
  }

  /** In the order in which they came. */
  get rows(): Iterable<HeldRow> {
    return this.#rowBySeq.values()
  }

  has(seq: number): boolean {
    return this.#rowBySeq.has(seq)
  }

  /** Takes a row that misses something. */
  add(row: HeldRow, missing: IdRanges): void {
    this.#rowBySeq.set(row.seq, row)
    this.#bytes += row.size
    this.#newestSeq = Math.max(this.#newestSeq, row.seq)
    this.#held.add(row.coverage)
    this.#wait(row, missing)
    this.#releaseTogether()
  }

  /** Whether these bytes are held: by integrated rows, by parked ones, or part by part. */
  containsWithIntegrated(coverage: Coverage): boolean {
    return this.#held.contains(this.#integrated.lackingOf(coverage))
  }

  /** Moves out what waits no longer, now that `arrived` is integrated; that may free more in turn. */
  release(arrived: Coverage): void {
    if (this.count === 0) return
    const arrivals = [arrived]
    for (let next = arrivals.pop(); next !== undefined; next = arrivals.pop()) {
      for (const [client, ranges] of next.structs) {
        for (const row of this.#takeReached(client, endOf(ranges))) {
          const missing = this.#integrated.missing(row.coverage)
          if (missing.size > 0) {
            this.#wait(row, missing)
            continue
          }
          this.#integrated.add(row.coverage)
          this.#rowBySeq.delete(row.seq)
          this.#bytes -= row.size
          arrivals.push(row.coverage)
        }
      }
    }
    if (this.count === 0) this.#clear()
    else this.#releaseTogether()
  }

  /** What no row holds although one of these refers to it. */
  missing(): IdRanges {
    const missing = new GrowingCoverage()
    for (const { coverage } of this.rows) {
      missing.add(this.#held.lackingOf(structsOnly(this.#integrated.missing(coverage))))
    }
    return missing.toCoverage().structs
  }

  #releaseTogether(): void {
    if (this.#proof !== undefined && !this.containsWithIntegrated(this.#proof)) return
    this.#proof = firstIdOf(this.missing())
    if (this.#proof !== undefined) return
    for (const { coverage } of this.rows) this.#integrated.add(coverage)
    this.#clear()
  }

  #clear(): void {
    this.#rowBySeq.clear()
    this.#waitingByClient.clear()
    this.#held = new GrowingCoverage()
    this.#proof = undefined
    this.#bytes = 0
  }

  /** One client is enough: the row cannot move before that one is there. */
  #wait(row: HeldRow, missing: IdRanges): void {
    for (const [client, ranges] of missing) {
      const waiting = this.#waitingByClient.get(client)
      const entry = { until: endOf(ranges), row }
      if (waiting === undefined) this.#waitingByClient.set(client, [entry])
      else pushHeap(waiting, entry)
      return
    }
  }

  #takeReached(client: number, clock: number): readonly HeldRow[] {
    const waiting = this.#waitingByClient.get(client)
    if (waiting === undefined) return []
    const reached: HeldRow[] = []
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (first.until > clock) break
      reached.push(first.row)
      popHeap(waiting)
    }
    if (waiting.length === 0) this.#waitingByClient.delete(client)
    return reached
  }
}

function structsOnly(structs: IdRanges): Coverage {
  return { ...emptyCoverage, structs }
}

function firstIdOf(ids: IdRanges): Coverage | undefined {
  for (const [client, ranges] of ids) {
    const clock = ranges[0] as number
    return structsOnly(new Map([[client, [clock, clock + 1]]]))
  }
  return undefined
}

function endOf(ranges: readonly number[]): number {
  return ranges[ranges.length - 1] as number
}

/** A row that cannot move before all of a client's structs below `until` are integrated. */
interface Waiting {
  readonly until: number
  readonly row: HeldRow
}

/** A heap in an array, the smallest first: the children of `at` are at `2at + 1` and `2at + 2`. */
function pushHeap(heap: Waiting[], entry: Waiting): void {
  let at = heap.push(entry) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if ((heap[parent] as Waiting).until <= entry.until) break
    heap[at] = heap[parent] as Waiting
    at = parent
  }
  heap[at] = entry
}

function popHeap(heap: Waiting[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    if (left >= heap.length) break
    const right = left + 1
    const child =
      right < heap.length && (heap[right] as Waiting).until < (heap[left] as Waiting).until
        ? right
        : left
    if ((heap[child] as Waiting).until >= last.until) break
    heap[at] = heap[child] as Waiting
    at = child
  }
  heap[at] = last
}
