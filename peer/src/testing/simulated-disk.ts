import type { Clock } from '../ports/index.js'
import { misuse, SimulationError } from './errors.js'
import type { SeededRandom } from './seeded-random.js'
import { SimulatedFile, type CrashDamage, type CrashLoss } from './simulated-file.js'
import type { Trace } from './trace.js'

/**
 * Named files, as a participant sees them.
 *
 * A write is readable at once and by everybody on this host, and durable only after `fsync`: until
 * then a crash may lose it, tear it, or keep it and lose the one before. Names are durable in
 * order: a file's own creation with its first `fsync`, renames and removals with `fsyncNames`.
 * After a crash of the host nothing that was under way is ever answered.
 */
export interface Disk {
  names(): Promise<readonly string[]>
  size(name: string): Promise<number>
  read(name: string, at?: number, length?: number): Promise<Uint8Array>
  /** Makes the file where there is none. Rejects whole, with `disk-full`, what has no room. */
  write(name: string, at: number, bytes: Uint8Array): Promise<void>
  append(name: string, bytes: Uint8Array): Promise<void>
  truncate(name: string, size: number): Promise<void>
  fsync(name: string): Promise<void>
  /** Takes the place of a file that has the new name. Atomic. */
  rename(from: string, to: string): Promise<void>
  remove(name: string): Promise<void>
  fsyncNames(): Promise<void>
}

export type DiskOperation = 'read' | 'write' | 'fsync' | 'names'

export interface DiskOptions {
  /** Whose disk it is, for the trace. */
  readonly host: string
  readonly random: SeededRandom
  readonly trace: Trace
  readonly count?: (what: string) => void
}

export interface DiskStatistics {
  readonly reads: number
  readonly writes: number
  readonly writtenBytes: number
  readonly fsyncs: number
}

/** The disk of one host: it outlives the host's crashes. Its faults are set by intent. */
export class SimulatedDisk {
  /** How long each operation takes, in milliseconds. 0 answers at the same instant, a turn later. */
  latencyMs: Readonly<Record<DiskOperation, number>> = { read: 0, write: 0, fsync: 0, names: 0 }
  /** What all files together may hold, in bytes. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** A disk that answers `fsync` and does nothing. */
  isLying = false
  readonly #options: DiskOptions
  readonly #failures = new Map<DiskOperation, number>()
  readonly #statistics = { reads: 0, writes: 0, writtenBytes: 0, fsyncs: 0 }
  #files = new Map<string, SimulatedFile>()
  #durableFiles = new Map<string, SimulatedFile>()
  #nameChanges: NameChange[] = []

  constructor(options: DiskOptions) {
    this.#options = options
  }

  get statistics(): DiskStatistics {
    return { ...this.#statistics }
  }

  /** What all files hold. */
  get usedBytes(): number {
    let bytes = 0
    for (const file of this.#files.values()) bytes += file.size
    return bytes
  }

  /** The next `times` operations of this kind are rejected with `disk-failed`. */
  failNext(operation: DiskOperation, times = 1): void {
    this.#failures.set(operation, (this.#failures.get(operation) ?? 0) + times)
  }

  /** Flips one bit somewhere in the file; reads go on as if nothing had happened. */
  flipBit(name: string): void {
    if (!this.#fileAt(name).flipBit(this.#options.random)) return
    this.#count('bit flipped')
    this.#note(`bit flipped in ${name}`)
  }

  /**
   * The machine loses power, or only the process dies (`none`). Without a mode chance picks one of
   * the three that lose.
   */
  crash(loss?: CrashLoss): void {
    const { random } = this.#options
    const mode = loss ?? random.pick<CrashLoss>(['all', 'tail', 'scattered'])
    const damage: CrashDamage = { lost: 0, torn: 0 }
    const files = new Set([...this.#files.values(), ...this.#durableFiles.values()])
    if (mode !== 'none') this.#crashNames(mode, damage)
    // A file that is gone by name still takes part, or its chances would move with its neighbours'.
    for (const file of files) file.crash(mode, random, damage)
    this.#count('unsynced write lost', damage.lost)
    this.#count('write torn', damage.torn)
    this.#note(`crash (${mode}): ${damage.lost} lost, ${damage.torn} torn`)
  }

  /**
   * The disk as a program of this host uses it. Answers come by the clock that is given. A program
   * that is no longer alive changes nothing and is never answered.
   */
  handle(clock: Clock, isAlive: () => boolean = () => true): Disk {
    const answer = <T>(operation: DiskOperation, begin: () => () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        if (!isAlive()) return
        const finish = attempt(begin)
        clock.after(this.latencyMs[operation], () => {
          try {
            resolve(finish())
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)))
          }
        })
      })
    return {
      names: () => answer('read', () => always([...this.#files.keys()].toSorted())),
      size: (name) => answer('read', () => always(this.#fileAt(name).size)),
      read: (name, at, length) => answer('read', () => always(this.#read(name, at, length))),
      write: (name, at, bytes) => answer('write', () => always(this.#write(name, at, bytes))),
      append: (name, bytes) =>
        answer('write', () => always(this.#write(name, this.#files.get(name)?.size ?? 0, bytes))),
      truncate: (name, size) => answer('write', () => always(this.#truncate(name, size))),
      fsync: (name) => answer('fsync', () => this.#beginFsync(name)),
      rename: (from, to) => answer('names', () => always(this.#rename(from, to))),
      remove: (name) => answer('names', () => always(this.#remove(name))),
      fsyncNames: () => answer('fsync', () => this.#beginFsyncNames()),
    }
  }

  #read(name: string, at?: number, length?: number): Uint8Array {
    this.#throwIfFailing('read')
    this.#statistics.reads++
    return this.#fileAt(name).read(at, length)
  }

  #write(name: string, at: number, bytes: Uint8Array): void {
    this.#throwIfFailing('write')
    if (!Number.isSafeInteger(at) || at < 0) throw misuse(`a write starts at 0 or later, got ${at}`)
    const size = this.#files.get(name)?.size ?? 0
    const grows = Math.max(0, at + bytes.byteLength - size)
    if (grows > 0 && this.usedBytes + grows > this.capacityBytes) {
      this.#count('disk full')
      this.#note(`full: no room for ${bytes.byteLength} B in ${name}`)
      throw new SimulationError('disk-full', `no room for ${bytes.byteLength} bytes in '${name}'`)
    }
    let file = this.#files.get(name)
    if (file === undefined) {
      file = new SimulatedFile()
      this.#change({ kind: 'create', name, file })
    }
    file.write(at, bytes)
    this.#statistics.writes++
    this.#statistics.writtenBytes += bytes.byteLength
    this.#note(`write ${name} ${at}+${bytes.byteLength}`)
  }

  #truncate(name: string, size: number): void {
    this.#throwIfFailing('write')
    this.#fileAt(name).truncate(size)
    this.#note(`truncate ${name} ${size}`)
  }

  #beginFsync(name: string): () => void {
    const file = this.#fileAt(name)
    const covered = file.unsynced()
    const creation = this.#nameChanges.find(
      (change) => change.kind === 'create' && change.file === file,
    )
    return () => {
      this.#statistics.fsyncs++
      const failure = this.#failureOf('fsync')
      this.#note(`fsync ${name}${failure === undefined ? '' : ' failed'}`)
      if (failure !== undefined) {
        file.synced(covered, false)
        throw failure
      }
      if (this.isLying) return
      file.synced(covered, true)
      if (creation !== undefined) this.#settleNames(creation)
    }
  }

  #beginFsyncNames(): () => void {
    const last = this.#nameChanges.at(-1)
    return () => {
      this.#throwIfFailing('fsync')
      this.#statistics.fsyncs++
      this.#note('fsync names')
      if (last !== undefined && !this.isLying) this.#settleNames(last)
    }
  }

  #rename(from: string, to: string): void {
    this.#throwIfFailing('names')
    this.#change({ kind: 'rename', from, to, file: this.#fileAt(from) })
    this.#note(`rename ${from} ${to}`)
  }

  #remove(name: string): void {
    this.#throwIfFailing('names')
    this.#fileAt(name)
    this.#change({ kind: 'remove', name })
    this.#note(`remove ${name}`)
  }

  #change(change: NameChange): void {
    this.#nameChanges.push(change)
    applyTo(this.#files, change)
  }

  /** Makes all changes of names up to this one durable, unless that has happened meanwhile. */
  #settleNames(upTo: NameChange): void {
    const index = this.#nameChanges.indexOf(upTo)
    for (const change of this.#nameChanges.slice(0, index + 1)) applyTo(this.#durableFiles, change)
    this.#nameChanges = this.#nameChanges.slice(index + 1)
  }

  #crashNames(mode: CrashLoss, damage: CrashDamage): void {
    const changes = this.#nameChanges.length
    const kept = mode === 'all' ? 0 : this.#options.random.below(changes + 1)
    const last = this.#nameChanges[kept - 1]
    if (last !== undefined) this.#settleNames(last)
    damage.lost += changes - kept
    this.#nameChanges = []
    this.#files = new Map(this.#durableFiles)
  }

  #fileAt(name: string): SimulatedFile {
    const file = this.#files.get(name)
    if (file === undefined) throw new SimulationError('no-such-file', `there is no file '${name}'`)
    return file
  }

  #throwIfFailing(operation: DiskOperation): void {
    const failure = this.#failureOf(operation)
    if (failure !== undefined) throw failure
  }

  #failureOf(operation: DiskOperation): SimulationError | undefined {
    const left = this.#failures.get(operation) ?? 0
    if (left === 0) return undefined
    this.#failures.set(operation, left - 1)
    this.#count('disk failure')
    return new SimulationError('disk-failed', `the disk failed to ${operation}, by intent`)
  }

  #count(what: string, times = 1): void {
    for (let time = 0; time < times; time++) this.#options.count?.(what)
  }

  #note(text: string): void {
    this.#options.trace.line(`disk ${this.#options.host} ${text}`)
  }
}

type NameChange =
  | { readonly kind: 'create'; readonly name: string; readonly file: SimulatedFile }
  | {
      readonly kind: 'rename'
      readonly from: string
      readonly to: string
      readonly file: SimulatedFile
    }
  | { readonly kind: 'remove'; readonly name: string }

function applyTo(files: Map<string, SimulatedFile>, change: NameChange): void {
  switch (change.kind) {
    case 'create':
      files.set(change.name, change.file)
      return
    case 'rename':
      files.delete(change.from)
      files.set(change.to, change.file)
      return
    case 'remove':
      files.delete(change.name)
  }
}

/** What has happened is told when the answer is due, also where it is an error. */
function attempt<T>(begin: () => () => T): () => T {
  try {
    return begin()
  } catch (error) {
    return () => {
      throw error
    }
  }
}

function always<T>(value: T): () => T {
  return () => value
}
