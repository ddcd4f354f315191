import type { CollectionName, ReplicaId } from '@holdfast/peer/protocol'
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
 * Who reads, in memory: an ack costs a look into two maps, and so does one more reader among
 * thousands. What changes is written down by whoever asked to hear of it. A lease that is neither
 * live nor was seen for `peerTimeoutMs` is forgotten when another begins in its collection. A replica
 * has one lease at most: its next instance ends the one before.
 */
export class LeaseBook implements Leases {
  readonly #options: LeaseBookOptions
  readonly #readers = new Map<CollectionName, Readers>()
  readonly #changed = new Set<Held>()
  readonly #ended = new Map<string, LeaseKey>()
  #isChangeTold = false

  constructor(options: LeaseBookOptions) {
    this.#options = options
    // The longest unseen come first, as `Readers` has them.
    for (const stored of options.stored.toSorted((a, b) => a.seenAtMs - b.seenAtMs)) {
      const before = this.#readers.get(stored.collection)?.held.get(stored.replica)
      const lease = { ...stored, live: false }
      const { held, away } = this.#of(stored.collection)
      if (before !== undefined) {
        away.delete(before)
        this.#ended.set(bookKeyOf(before), before)
      }
      held.set(stored.replica, lease)
      away.add(lease)
    }
  }

  async start(key: LeaseKey, from: number): Promise<'started' | 'replica-in-use'> {
    const { collection, replica, instance } = key
    this.#options.assertOpen()
    await this.#assertReached(collection, from)
    const before = this.#readers.get(collection)?.held.get(replica)
    if (before !== undefined) {
      if (before.instance !== instance && before.live) return 'replica-in-use'
      this.#remove(before)
    }
    this.#forgetUnseen(collection)
    const seenAtMs = this.#options.clock.now()
    const lease = { collection, replica, instance, sent: from, ack: from, seenAtMs, live: true }
    this.#of(collection).held.set(replica, lease)
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
      const { away } = this.#of(lease.collection)
      if (live) away.delete(lease)
      else away.add(lease)
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
    return [...this.#heldIn(collection)].map((lease) => ({
      ...lease,
      active: this.#isActive(lease),
    }))
  }

  find(key: LeaseKey): Held | undefined {
    const lease = this.#readers.get(key.collection)?.held.get(key.replica)
    return lease?.instance === key.instance ? lease : undefined
  }

  /** Rows up to here are on no active reader's way any more; without active readers, all of them. */
  lowestAck(collection: CollectionName): number {
    let lowest = Infinity
    for (const lease of this.#heldIn(collection)) {
      if (this.#isActive(lease)) lowest = Math.min(lowest, lease.ack)
    }
    return lowest
  }

  get count(): number {
    let count = 0
    for (const { held } of this.#readers.values()) count += held.size
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
    const away = this.#of(key.collection).away
    // It has been seen: others are forgotten before it.
    if (away.delete(lease)) away.add(lease)
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
    const readers = this.#of(collection)
    readers.held.delete(replica)
    readers.away.delete(lease)
    if (readers.held.size === 0) this.#readers.delete(collection)
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

  /** A head only rises: who comes with what it was known to have reached needs no look at the file. */
  async #assertReached(collection: CollectionName, from: number): Promise<void> {
    if (from <= (this.#readers.get(collection)?.head ?? 0)) return
    const head = await this.#options.head(collection)
    this.#options.assertOpen()
    if (from > head) {
      throw new LogError('invalid-argument', `a lease from ${from} is beyond the head, ${head}`)
    }
    this.#of(collection).head = head
  }

  #heldIn(collection: CollectionName): Iterable<Held> {
    return this.#readers.get(collection)?.held.values() ?? []
  }

  #forgetUnseen(collection: CollectionName): void {
    for (const lease of this.#readers.get(collection)?.away ?? []) {
      if (this.#isActive(lease)) return
      this.#remove(lease)
    }
  }

  #of(collection: CollectionName): Readers {
    const known = this.#readers.get(collection)
    if (known !== undefined) return known
    const readers: Readers = { held: new Map(), away: new Set(), head: 0 }
    this.#readers.set(collection, readers)
    return readers
  }
}

/** The leases of one collection. */
interface Readers {
  readonly held: Map<ReplicaId, Held>
  /**
   * Those that are not live, in the order in which they went or were last seen since: the first is
   * mostly the first to be forgotten, and none of the others is looked at while it is not.
   */
  readonly away: Set<Held>
  /** The log has reached this far, at the least. */
  head: number
}

interface Held extends LeaseKey {
  sent: number
  ack: number
  seenAtMs: number
  live: boolean
}

function bookKeyOf({ collection, replica, instance }: LeaseKey): string {
  return `${collection}\n${replica}\n${instance}`
}

function storedOf({ collection, replica, instance, sent, ack, seenAtMs }: Held): StoredLease {
  return { collection, replica, instance, sent, ack, seenAtMs }
}
