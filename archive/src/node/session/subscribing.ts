/*
 * From `subscribe` to the first page.
 *
 *   registered ──► located ──► lease begun ──► subscribed(outcome) ──► stream, or resync
 *
 * The reader is registered before its place is looked up, so nothing that is committed in between
 * passes it by. A new subscription ends the one before, wherever that stands.
 */
import type { Cursor, MessageOf } from '@holdfast/peer/protocol'
import type { CursorStanding, LeaseKey } from '../../log/port.js'
import type { Collection } from '../fan-out/collection.js'
import { Reader } from '../fan-out/reader.js'
import { isWriter } from '../fan-out/gaps.js'
import type { Participant } from '../participant.js'

export class Subscribing {
  readonly #session: Participant
  readonly #collection: Collection
  readonly #lease: LeaseKey
  #reader: Reader | undefined
  #lastSubscription = -1
  #hasLease = false
  /** Lookups of one session run one after the other: the last, while it runs. */
  #tail: Promise<void> | undefined

  constructor(session: Participant, collection: Collection, lease: LeaseKey) {
    this.#session = session
    this.#collection = collection
    this.#lease = lease
  }

  get reader(): Reader | undefined {
    return this.#reader
  }

  async subscribe({ subscription, cursor }: MessageOf<'subscribe'>): Promise<void> {
    const session = this.#session
    if (subscription <= this.#lastSubscription) {
      session.fault('unexpected-message', 'subscribe', { request: subscription })
      return
    }
    this.#lastSubscription = subscription
    this.#reader?.stop()
    const reader = new Reader(session, this.#collection, subscription, this.#lease)
    this.#reader = reader
    this.#collection.joined(reader)
    const begun = this.#after(this.#tail, reader, cursor)
    this.#tail = begun
    await begun
    if (this.#tail === begun) this.#tail = undefined
  }

  ack({ subscription, seq }: MessageOf<'ack'>): void {
    const reader = this.#reader
    // What belongs to an earlier subscription is out of date, not wrong.
    if (reader === undefined || subscription < reader.subscription || reader.isStopped) return
    if (subscription > reader.subscription || !reader.ack(seq)) {
      this.#session.fault('ack-beyond-sent', 'ack', { request: subscription })
    }
  }

  /** Both sides have compared: the stream goes on from the head that it was told. */
  resynced({ subscription, seq }: MessageOf<'resynced'>): void {
    const reader = this.#reader
    if (reader === undefined || subscription < reader.subscription) return
    if (subscription > reader.subscription || !reader.isResyncing || seq !== reader.sentSeq) {
      this.#session.fault('unexpected-message', 'resynced', { request: subscription })
      return
    }
    reader.startFrom(seq)
    this.#session.context.leases.note(reader)
  }

  seen(): void {
    const { leases, log } = this.#session.context
    if (this.#hasLease) void leases.attempt(() => log.leases.seen(this.#lease))
  }

  /** @param isLast whether no other link of this instance has taken over */
  close(isLast: boolean): void {
    const reader = this.#reader
    const { leases, log } = this.#session.context
    reader?.stop()
    if (!this.#hasLease || !isLast || reader === undefined) return
    void leases.flush(reader)
    void leases.attempt(() => log.leases.live(this.#lease, false))
  }

  /** No other link of this instance has taken over. */
  #isAlone(): boolean {
    return !this.#collection.sessions.has(this.#lease.instance)
  }

  async #after(
    before: Promise<void> | undefined,
    reader: Reader,
    cursor: Cursor | undefined,
  ): Promise<void> {
    await before
    await this.#begin(reader, cursor)
  }

  async #begin(reader: Reader, cursor: Cursor | undefined): Promise<void> {
    const session = this.#session
    const { log, counters } = session.context
    const { subscription } = reader
    if (reader.isStopped) return
    try {
      const { standing, head } = await this.#locate(cursor)
      if (reader.isStopped) return
      const isKnown = standing === 'behind' || standing === 'at-head'
      const from = isKnown ? (cursor?.seq ?? 0) : head
      const aboutBytes = isKnown ? await this.#collection.about.between(from, head) : 0
      if (reader.isStopped) return
      const started = await log.leases.start(this.#lease, from)
      if (started === 'started') this.#hasLease = true
      if (reader.isStopped) {
        // The link ended meanwhile, and nobody will say so again.
        if (session.state === 'closing') this.close(this.#isAlone())
        return
      }
      if (started === 'replica-in-use') {
        session.fault('replica-in-use', 'subscribe', { request: subscription })
        session.close('replica-in-use')
        return
      }
      counters.subscriptions++
      this.#collection.sawHead(head)
      const isSent = session.send({
        type: 'subscribed',
        subscription,
        outcome: standing === 'at-head' ? 'head' : standing,
        archive: log.archive,
        term: log.term,
        head,
        aboutBytes,
      })
      if (!isSent) return
      if (isKnown) reader.startFrom(from)
      else {
        counters.resyncs++
        reader.resyncFrom(head)
      }
      if (isWriter(session)) this.#collection.gaps.writerCame()
    } catch (error) {
      reader.stop()
      session.storageFailed(error, 'subscribe', subscription)
    }
  }

  async #locate(
    cursor: Cursor | undefined,
  ): Promise<{ readonly standing: CursorStanding; readonly head: number }> {
    const { log } = this.#session.context
    const { name } = this.#collection
    if (cursor !== undefined) return log.locate(name, cursor)
    const head = await log.head(name)
    return { standing: head === 0 ? 'at-head' : 'behind', head }
  }
}
