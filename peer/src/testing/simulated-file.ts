import type { SeededRandom } from './seeded-random.js'

/** What a power cut does to what was written and not yet synced. */
export type CrashLoss =
  /** Nothing is lost: the process died, the machine lives. */
  | 'none'
  /** All of it is gone. */
  | 'all'
  /** A prefix of the writes survives, the last of it torn at some byte. */
  | 'tail'
  /** Any of the writes survive, in any combination, each perhaps torn: the disk had reordered. */
  | 'scattered'

export interface CrashDamage {
  lost: number
  torn: number
}

/**
 * The bytes of one file, and since its last full sync every write with what it replaced. A crash
 * takes all of them back, newest first, and puts those again that were durable or lucky.
 */
export class SimulatedFile {
  #bytes = new Uint8Array(256)
  #size = 0
  #writes: Write[] = []

  get size(): number {
    return this.#size
  }

  read(at = 0, length = this.#size): Uint8Array {
    return this.#bytes.slice(Math.min(at, this.#size), Math.min(at + length, this.#size))
  }

  write(at: number, bytes: Uint8Array): void {
    this.#do(at, bytes.slice(), Math.max(this.#size, at + bytes.byteLength), 'pending')
  }

  truncate(size: number): void {
    if (size < this.#size) this.#do(size, new Uint8Array(0), size, 'pending')
  }

  /** The writes so far that are not durable: what a sync that starts now will cover. */
  unsynced(): ReadonlySet<Write> {
    return new Set(this.#writes.filter((write) => write.state === 'pending'))
  }

  /**
   * Ends a sync. A failed one is final for these writes, as on Linux: they stay readable, no later
   * sync covers them, the next crash takes them.
   */
  synced(covered: ReadonlySet<Write>, ok: boolean): void {
    for (const write of this.#writes) {
      if (covered.has(write) && write.state === 'pending') write.state = ok ? 'durable' : 'doomed'
    }
    const open = this.#writes.findIndex((write) => write.state !== 'durable')
    this.#writes = open === -1 ? [] : this.#writes.slice(open)
  }

  crash(loss: CrashLoss, random: SeededRandom, damage: CrashDamage): void {
    if (loss === 'none' || this.#writes.length === 0) return
    const writes = this.#writes
    for (const write of writes.toReversed()) this.#undo(write)
    this.#writes = []
    const pending = writes.filter((write) => write.state === 'pending').length
    const survivors = loss === 'tail' ? random.below(pending + 1) : 0
    let seen = 0
    for (const write of writes) {
      const isPending = write.state === 'pending'
      if (isPending) seen++
      const lives = loss === 'scattered' ? random.chance(0.5) : loss === 'tail' && seen <= survivors
      const mayTear = (loss === 'scattered' || seen === survivors) && random.chance(0.5)
      if (write.state === 'durable') this.#redo(write, write.bytes.byteLength)
      else if (!isPending || !lives) damage.lost++
      else if (mayTear) this.#redo(write, random.below(write.bytes.byteLength + 1), damage)
      else this.#redo(write, write.bytes.byteLength)
    }
    // What stands after the crash is what the platters hold.
    this.#writes = []
  }

  /** One letter flips where nobody looks. False for an empty file. */
  flipBit(random: SeededRandom): boolean {
    if (this.#size === 0) return false
    const at = random.below(this.#size)
    this.#bytes[at] = (this.#bytes[at] as number) ^ (1 << random.below(8))
    return true
  }

  #redo(write: Write, length: number, damage?: CrashDamage): void {
    const isWhole = length === write.bytes.byteLength
    if (!isWhole && damage !== undefined) damage.torn++
    const bytes = write.bytes.subarray(0, length)
    const size = write.isTruncate
      ? Math.min(this.#size, write.at)
      : Math.max(this.#size, write.at + length)
    this.#do(write.at, bytes, size, 'durable')
  }

  #do(at: number, bytes: Uint8Array, size: number, state: Write['state']): void {
    const isTruncate = size < this.#size
    const end = isTruncate ? this.#size : Math.min(this.#size, at + bytes.byteLength)
    const before = this.#bytes.slice(Math.min(at, end), end)
    this.#writes.push({ at, bytes, isTruncate, before, sizeBefore: this.#size, state })
    this.#resize(size)
    this.#bytes.set(bytes, at)
  }

  #undo(write: Write): void {
    this.#resize(write.sizeBefore)
    if (write.before.byteLength > 0) this.#bytes.set(write.before, write.at)
  }

  #resize(size: number): void {
    // What is cut off is cleared, so that a hole left by a later write reads as zeros.
    if (size < this.#size) this.#bytes.fill(0, size, this.#size)
    if (size > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(size, this.#bytes.byteLength * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#size = size
  }
}

/** One write, for `unsynced` and `synced`; nothing in it is for others. */
export interface Write {
  readonly at: number
  readonly bytes: Uint8Array
  readonly isTruncate: boolean
  readonly before: Uint8Array
  readonly sizeBefore: number
  state: 'pending' | 'durable' | 'doomed'
}
