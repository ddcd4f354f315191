import { LogError, type Log, type LogPolicy } from '@holdfast/archive'
import { MemoryDisk, openMemoryLog, type Sync } from '@holdfast/archive/testing'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import { silentLogger } from '@holdfast/peer/ports'
import { collectionOf, documentOf } from './names.js'
import type { HeldGroups, LogBackup, LogContract, LogSubject } from './subject.js'

/** A memory log on virtual time, for the contract and for random schedules. */
export const memoryLog: LogContract = {
  kind: 'memory',
  canHold: true,
  canFail: true,
  canDamage: true,
  setup: async (policy) => {
    const subject = new MemorySubject(policy)
    await subject.begin()
    return subject
  },
}

class MemorySubject implements LogSubject {
  readonly #policy: Partial<LogPolicy>
  readonly #clock = new VirtualClock()
  readonly #random: SeededRandom
  #disk: MemoryDisk
  #log: Log | undefined
  #gate: Gate | undefined
  #failNext: LogError | undefined

  constructor(policy: Partial<LogPolicy> = {}, seed = 'contract') {
    this.#policy = policy
    this.#random = new SeededRandom(seed)
    this.#disk = new MemoryDisk(this.#random)
  }

  get log(): Log {
    if (this.#log === undefined) throw new Error('no log is open')
    return this.#log
  }

  async begin(): Promise<void> {
    this.#log = await this.#open()
  }

  advance(ms: number): void {
    this.#clock.advance(ms)
  }

  async reopen(): Promise<void> {
    await this.log.close()
    await this.begin()
  }

  async crash(): Promise<void> {
    this.#disk.crash()
    this.#gate = undefined
    await this.begin()
  }

  async backup(): Promise<LogBackup> {
    return this.#disk.copy()
  }

  async restore(backup: LogBackup): Promise<void> {
    await this.log.close()
    this.#disk = (backup as MemoryDisk).copy()
    await this.begin()
  }

  openSecond(): Promise<Log> {
    return this.#open()
  }

  async close(): Promise<void> {
    this.#gate?.release()
    await this.log.close()
  }

  readonly hold = (): HeldGroups => {
    this.#gate = new Gate()
    return this.#gate
  }

  readonly failNext = (code: 'storage-full' | 'storage-failed'): void => {
    this.#failNext = new LogError(code, 'as the test wants it')
  }

  readonly damage = {
    row: async (collection: string, document: string, seq: number): Promise<void> => {
      const found = this.#disk.damageRow(collectionOf(collection), documentOf(document), seq)
      if (!found) throw new Error('no such row')
    },
    newestSnapshot: async (collection: string, document: string): Promise<void> => {
      const found = this.#disk.damageSnapshot(collectionOf(collection), documentOf(document))
      if (!found) throw new Error('no such snapshot')
    },
  }

  #open(): Promise<Log> {
    return openMemoryLog({
      disk: this.#disk,
      clock: this.#clock,
      random: this.#random,
      logger: silentLogger,
      policy: this.#policy,
      sync: this.#sync,
    })
  }

  readonly #sync: Sync = async (persist) => {
    const failure = this.#failNext
    this.#failNext = undefined
    if (failure !== undefined) throw failure
    await this.#gate?.pass()
    persist()
  }
}

class Gate implements HeldGroups {
  readonly waiting: Promise<void>
  readonly #open: Promise<void>
  #noteWaiting: () => void = () => {}
  release: () => void = () => {}

  constructor() {
    this.waiting = new Promise((resolve) => {
      this.#noteWaiting = resolve
    })
    this.#open = new Promise((resolve) => {
      this.release = resolve
    })
  }

  pass(): Promise<void> {
    this.#noteWaiting()
    return this.#open
  }
}
