import type { CollectionName } from '@holdfast/peer/protocol'
import type { Clock } from '@holdfast/peer/ports'
import { LogError } from './errors.js'
import type { Lease, LeaseAnswer, LeaseKey, Leases } from './port.js'

/** What is written down of a lease. Whether its link answers is not: after a restart none does. */
export interface StoredLease extends LeaseKey {
  readonly sent: number
  readonly ack: number
  readonly seenAtMs: number
}

/** Leases that have changed since changes were last taken, and keys of those that have ended. */
export interface LeaseChanges {
  readonly changed: readonly StoredLease[]
  readonly ended: readonly LeaseKey[]
}

export interface LeaseBookOptions {
  readonly stored: readonly StoredLease[]
  readonly clock: Clock
  readonly peerTimeoutMs: number
  readonly head: (collection: CollectionName) => Promise<number>
  /** Throws if the log is closed. */
  readonly assertOpen: () => void
  /** Something is there for `takeChanges`: called once until they are taken. */
  readonly onChange: () => void
}

/**
 * Who reads, in memory: an ack costs a look into two maps. What changes is written down by whoever
 * asked to hear of it. A lease that is neither live nor was seen for `peerTimeoutMs` is forgotten
 * when another begins in its collection.
 */
export class LeaseBook implements Leases {
  readonly #options: LeaseBookOptions
  /** By collection, then by `keyOf`. */
  readonly #held = new Map<CollectionName, Map<string, Held>>()
  readonly #changed = new Set<Held>()
  readonly #ended = new Map<string, LeaseKey>()
  #isChangeTold = false

  constructor(options: LeaseBookOptions) {
    this.#options = options
    for (const lease of options.stored) {
      this.#of(lease.collection).set(keyOf(lease), { ...lease, live: false })
    }
  }

  async start(key: LeaseKey, from: number): Promise<'started' | 'replica-in-use'> {
    this.#options.assertOpen()
    const head = await this.#options.head(key.collection)
    this.#options.assertOpen()
    if (from > head) {
      throw new LogError('invalid-argument', `a lease from ${from} is beyond the head, ${head}`)
    }
    const leases = this.#of(key.collection)
    for (const other of leases.values()) {
      const isSameReplica = other.replica === key.replica && other.instance !== key.instance
      if (isSameReplica && other.live) return 'replica-in-use'
      if ((isSameReplica || !this.#isActive(other)) && !other.live) this.#remove(other)
    }
    const { collection, replica, instance } = key
    const seenAtMs = this.#options.clock.now()
    const lease = { collection, replica, instance, sent: from, ack: from, seenAtMs, live: true }
    const before = leases.get(keyOf(key))
    if (before !== undefined) this.#changed.delete(before)
    // What has emptied itself above is no longer in the book.
    this.#of(collection).set(keyOf(key), lease)
    this.#note(lease)
    return 'started'
  }

  async sent(key: LeaseKey, seq: number): Promise<LeaseAnswer> {
    return this.#change(key, (lease) => {
      lease.sent = Math.max(lease.sent, seq)
      return 'ok'
    })
  }

  async ack(key: LeaseKey, seq: number): Promise<LeaseAnswer> {
    return this.#change(key, (lease) => {
      if (seq > lease.sent) return 'ack-beyond-sent'
      lease.ack = Math.max(lease.ack, seq)
      lease.seenAtMs = this.#options.clock.now()
      return 'ok'
    })
  }

  async seen(key: LeaseKey): Promise<LeaseAnswer> {
    return this.#change(key, (lease) => {
      lease.seenAtMs = this.#options.clock.now()
      return 'ok'
    })
  }

  async live(key: LeaseKey, live: boolean): Promise<LeaseAnswer> {
    return this.#change(key, (lease) => {
      lease.live = live
      return 'ok'
    })
  }

  async end(key: LeaseKey): Promise<void> {
    this.#options.assertOpen()
    const lease = this.find(key)
    if (lease !== undefined) this.#remove(lease)
  }

  async list(collection: CollectionName): Promise<readonly Lease[]> {
    this.#options.assertOpen()
    return [...(this.#held.get(collection)?.values() ?? [])].map((lease) => ({
      ...lease,
      active: this.#isActive(lease),
    }))
  }

  find(key: LeaseKey): Held | undefined {
    return this.#held.get(key.collection)?.get(keyOf(key))
  }

  /** Rows up to here are on no active reader's way any more; without active readers, all of them. */
  lowestAck(collection: CollectionName): number {
    let lowest = Infinity
    for (const lease of this.#held.get(collection)?.values() ?? []) {
      if (this.#isActive(lease)) lowest = Math.min(lowest, lease.ack)
    }
    return lowest
  }

  get count(): number {
    let count = 0
    for (const leases of this.#held.values()) count += leases.size
    return count
  }

  /** Undefined if nothing has changed since. */
  takeChanges(): LeaseChanges | undefined {
    this.#isChangeTold = false
    if (this.#changed.size === 0 && this.#ended.size === 0) return undefined
    const changes = {
      changed: [...this.#changed].map(storedOf),
      ended: [...this.#ended.values()],
    }
    this.#changed.clear()
    this.#ended.clear()
    return changes
  }

  /** They could not be written down: they are part of the next ones, as far as they still hold. */
  putBack({ changed, ended }: LeaseChanges): void {
    for (const key of changed) {
      const lease = this.find(key)
      if (lease !== undefined) this.#changed.add(lease)
    }
    for (const key of ended) if (this.find(key) === undefined) this.#ended.set(bookKeyOf(key), key)
  }

  #change(key: LeaseKey, change: (lease: Held) => LeaseAnswer): LeaseAnswer {
    this.#options.assertOpen()
    const lease = this.find(key)
    if (lease === undefined) return 'lease-ended'
    const answer = change(lease)
    this.#note(lease)
    return answer
  }

  #note(lease: Held): void {
    this.#changed.add(lease)
    this.#ended.delete(bookKeyOf(lease))
    this.#tell()
  }

  #remove(lease: Held): void {
    const { collection, replica, instance } = lease
    const leases = this.#held.get(collection)
    leases?.delete(keyOf(lease))
    if (leases?.size === 0) this.#held.delete(collection)
    this.#changed.delete(lease)
    this.#ended.set(bookKeyOf(lease), { collection, replica, instance })
    this.#tell()
  }

  #tell(): void {
    if (this.#isChangeTold) return
    this.#isChangeTold = true
    this.#options.onChange()
  }

  #isActive({ seenAtMs }: StoredLease): boolean {
    // A wall clock that was set back does not make anybody more active than now.
    return this.#options.clock.now() - seenAtMs <= this.#options.peerTimeoutMs
  }

  #of(collection: CollectionName): Map<string, Held> {
    const known = this.#held.get(collection)
    if (known !== undefined) return known
    const leases = new Map<string, Held>()
    this.#held.set(collection, leases)
    return leases
  }
}

interface Held extends LeaseKey {
  sent: number
  ack: number
  seenAtMs: number
  live: boolean
}

function keyOf({ replica, instance }: LeaseKey): string {
  return `${replica}\n${instance}`
}

function bookKeyOf(key: LeaseKey): string {
  return `${key.collection}\n${keyOf(key)}`
}

function storedOf({ collection, replica, instance, sent, ack, seenAtMs }: Held): StoredLease {
  return { collection, replica, instance, sent, ack, seenAtMs }
}
