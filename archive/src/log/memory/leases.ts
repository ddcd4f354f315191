import type { CollectionName } from '@holdfast/peer/protocol'
import type { Clock } from '@holdfast/peer/ports'
import { LogError } from '../errors.js'
import type { Lease, LeaseAnswer, LeaseKey, Leases } from '../port.js'
import type { LeaseRecord, Tables } from './tables.js'

export interface LeasesOptions {
  readonly tables: Tables
  readonly clock: Clock
  readonly peerTimeoutMs: number
  /** Throws if the log is closed. */
  readonly assertOpen: () => void
}

/**
 * The leases of a memory log: kept in memory, written down with the next group. A lease that is
 * neither live nor was seen for `peerTimeoutMs` is forgotten.
 */
export class MemoryLeases implements Leases {
  readonly #options: LeasesOptions
  /** By collection, then by `keyOf`. */
  readonly #held = new Map<CollectionName, Map<string, Held>>()
  #dirty = false

  constructor(options: LeasesOptions) {
    this.#options = options
    for (const { name, leases } of options.tables.collections.values()) {
      for (const record of leases) this.#of(name).set(keyOf(record), { ...record, live: false })
    }
  }

  async start(key: LeaseKey, from: number): Promise<'started' | 'replica-in-use'> {
    this.#options.assertOpen()
    const head = this.#options.tables.collections.get(key.collection)?.head ?? 0
    if (from > head) {
      throw new LogError('invalid-argument', `a lease from ${from} is beyond the head, ${head}`)
    }
    const leases = this.#of(key.collection)
    for (const [otherKey, other] of leases) {
      const isSameReplica = other.replica === key.replica && other.instance !== key.instance
      if (isSameReplica && other.live) return 'replica-in-use'
      if ((isSameReplica || !this.#isActive(other)) && !other.live) leases.delete(otherKey)
    }
    const seenAtMs = this.#options.clock.now()
    leases.set(keyOf(key), { ...key, sent: from, ack: from, seenAtMs, live: true })
    this.#dirty = true
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
    const leases = this.#held.get(key.collection)
    if (leases?.delete(keyOf(key)) === true) this.#dirty = true
    if (leases?.size === 0) this.#held.delete(key.collection)
  }

  async list(collection: CollectionName): Promise<readonly Lease[]> {
    this.#options.assertOpen()
    return [...(this.#held.get(collection)?.values() ?? [])].map((lease) => ({
      ...lease,
      active: this.#isActive(lease),
    }))
  }

  find(key: LeaseKey): LeaseRecord | undefined {
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

  /** To be called in a group that becomes durable. */
  writeDown(): void {
    if (!this.#dirty) return
    this.#dirty = false
    for (const table of this.#options.tables.collections.values()) {
      table.leases = [...(this.#held.get(table.name)?.values() ?? [])].map(recordOf)
    }
  }

  #change(key: LeaseKey, change: (lease: Held) => LeaseAnswer): LeaseAnswer {
    this.#options.assertOpen()
    const lease = this.#held.get(key.collection)?.get(keyOf(key))
    if (lease === undefined) return 'lease-ended'
    this.#dirty = true
    return change(lease)
  }

  #isActive({ seenAtMs }: LeaseRecord): boolean {
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

interface Held extends LeaseRecord {
  live: boolean
}

function keyOf({ replica, instance }: LeaseKey): string {
  return `${replica}\n${instance}`
}

function recordOf({ collection, replica, instance, sent, ack, seenAtMs }: Held): LeaseRecord {
  return { collection, replica, instance, sent, ack, seenAtMs }
}
