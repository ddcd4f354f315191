/** Who reads, and how far they are: see `Leases`. */
import type { CollectionName, InstanceId, ReplicaId } from '@holdfast/peer/protocol'

/** One instance of a replica, reading one collection. */
export interface LeaseKey {
  readonly collection: CollectionName
  readonly replica: ReplicaId
  readonly instance: InstanceId
}

/**
 * Who reads, how far they were sent and how far they say they are. Only cost depends on any of
 * it: acks spare live peers a snapshot, and nothing is ever lost by a wrong, late or missing one.
 * Changes become durable with a later group, not each by itself.
 */
export interface Leases {
  /**
   * Begins a lease whose `sent` and `ack` start at `from`, the valid cursor of its subscription.
   * Other leases of the replica that are not live end. Beside a live one it is `replica-in-use`:
   * the newcomer must mint a new replica id.
   */
  start(key: LeaseKey, from: number): Promise<'started' | 'replica-in-use'>
  /** Entries up to `seq` have been sent. Never lowers. */
  sent(key: LeaseKey, seq: number): Promise<LeaseAnswer>
  /** The reader says that it holds everything up to `seq`. Beyond what was sent it is refused. */
  ack(key: LeaseKey, seq: number): Promise<LeaseAnswer>
  /** A sign of life. */
  seen(key: LeaseKey): Promise<LeaseAnswer>
  /** Whether its link answers. A lease that is not live still counts until `peerTimeoutMs`. */
  live(key: LeaseKey, live: boolean): Promise<LeaseAnswer>
  end(key: LeaseKey): Promise<void>
  list(collection: CollectionName): Promise<readonly Lease[]>
}

export type LeaseAnswer = 'ok' | 'lease-ended' | 'ack-beyond-sent'

export interface Lease extends LeaseKey {
  readonly sent: number
  readonly ack: number
  readonly live: boolean
  /** Seen within `peerTimeoutMs`: only such leases hold rows back from retiring. */
  readonly active: boolean
  readonly seenAtMs: number
}
