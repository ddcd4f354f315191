/**
 * Frames between two members who cannot reach each other directly.
 *
 *   one asks ──▶ wanted ── the other asks too ──▶ open ── either closes, leaves, or overruns ──▶ gone
 *                  └──────── relayOfferMs ────────────────────────────────────────────────────────▲
 *
 * **Backpressure.** Each end may have `relayWindowBytes` of frames on their way to the other. What
 * the other's socket has taken comes back as credit, no sooner than the rates of this relay and of
 * all relays together allow. So the memory is bounded by relays × 2 × window, and a reader that
 * stands still holds up nobody but the one who writes to it.
 */
import { TokenBucket } from '@holdfast/access'
import {
  accept,
  refuse,
  relayCost,
  withRelayChannel,
  type CollectionName,
  type ErrorCode,
  type FromSignaller,
  type InstanceId,
  type Parsed,
} from '@holdfast/peer/protocol'
import type { Undo } from '@holdfast/peer/ports'
import type { SignalContext } from '../context.js'

/** One socket, as relays see it. */
export interface RelayParty {
  /** The relays that this socket has asked for or is in, by its own channel numbers. */
  readonly relayEnds: Map<number, RelayEnd>
  /** A number that no relay of this socket has had. */
  nextChannel(): number
  send(message: FromSignaller): void
  sendFrame(message: Uint8Array, onFlushed: () => void): void
}

/** One side of a relay. */
export interface RelayEnd {
  readonly relay: Relay
  readonly party: RelayParty
  readonly id: InstanceId
  readonly channel: number
  /** Cost of the frames that this end has sent and has no credit for yet. */
  spent: number
  /** The part of `spent` that has left the server and may be given back. */
  owed: number
}

export interface Relay {
  readonly key: string
  readonly collection: CollectionName
  /** Who asked first, and for whom. */
  readonly asked: InstanceId
  readonly ends: RelayEnd[]
  readonly rate: TokenBucket
  /** The offer's deadline, then the delayed credit of both ends. */
  readonly timers: Set<Undo>
  isClosed: boolean
}

export class Relays {
  readonly #context: SignalContext
  readonly #relays = new Map<string, Relay>()
  readonly #totalRate: TokenBucket

  constructor(context: SignalContext) {
    this.#context = context
    const { relayTotalBytesPerSecond: perSecond } = context.limits
    this.#totalRate = new TokenBucket(context.clock, perSecond, perSecond)
  }

  /** `from` asks for a relay to `to`, who is in the room. */
  open(
    collection: CollectionName,
    from: InstanceId,
    party: RelayParty,
    to: InstanceId,
    toParty: RelayParty,
  ): Parsed<undefined> {
    const { counters, limits, relays } = this.#context
    if (!relays) return refuse('forbidden', 'relay: this server relays nothing')
    const key = keyOf(collection, from, to)
    const relay = this.#relays.get(key)
    // Whoever asks twice has asked once.
    if (relay !== undefined && (relay.ends.length === 2 || relay.asked === from)) {
      return accept(undefined)
    }
    if (party.relayEnds.size >= limits.maxRelaysPerSocket) {
      return refuse('too-many', 'relay: enough for one socket')
    }
    if (relay !== undefined) {
      this.#agree(relay, from, party)
      return accept(undefined)
    }
    if (this.#relays.size >= limits.maxRelays) return refuse('too-many', 'relay: enough in all')
    this.#offer(key, collection, from, party)
    counters.relays = this.#relays.size
    toParty.send({ type: 'relay-wanted', collection, from })
    return accept(undefined)
  }

  /** The relay between the two ends, whatever its state; nothing if there is none. */
  close(collection: CollectionName, from: InstanceId, to: InstanceId): void {
    const relay = this.#relays.get(keyOf(collection, from, to))
    if (relay !== undefined) this.#close(relay, undefined, from)
  }

  /** The member, or its socket, is gone: so are its relays in this room. */
  leave(collection: CollectionName, party: RelayParty): void {
    for (const end of party.relayEnds.values()) {
      if (end.relay.collection === collection) this.#close(end.relay, undefined, end.id)
    }
  }

  /** Passes a frame on. The message is changed in place. */
  forward(end: RelayEnd, message: Uint8Array, frameBytes: number): void {
    const { counters, limits } = this.#context
    const { relay } = end
    const other = otherEnd(end)
    if (other === undefined) return
    if (frameBytes > limits.maxRelayFrameBytes) {
      counters.refused('too-large')
      this.#close(relay, 'too-large')
      return
    }
    const cost = relayCost(frameBytes)
    if (end.spent + cost > limits.relayWindowBytes) {
      counters.refused('rate-limited')
      this.#close(relay, 'rate-limited')
      return
    }
    end.spent += cost
    counters.relayedFrames++
    counters.relayedBytes += frameBytes
    other.party.sendFrame(withRelayChannel(message, other.channel), () => this.#flushed(end, cost))
  }

  #offer(key: string, collection: CollectionName, from: InstanceId, party: RelayParty): void {
    const { clock, limits } = this.#context
    const { relayBytesPerSecond: perSecond } = limits
    const relay: Relay = {
      key,
      collection,
      asked: from,
      ends: [],
      rate: new TokenBucket(clock, perSecond, perSecond),
      timers: new Set(),
      isClosed: false,
    }
    addEnd(relay, from, party)
    relay.timers.add(clock.after(limits.relayOfferMs, () => this.#expire(relay)))
    this.#relays.set(key, relay)
  }

  #agree(relay: Relay, from: InstanceId, party: RelayParty): void {
    addEnd(relay, from, party)
    stopTimers(relay)
    const { maxRelayFrameBytes: maxFrameBytes, relayWindowBytes: windowBytes } =
      this.#context.limits
    for (const end of relay.ends) {
      const other = otherEnd(end)
      if (other === undefined) continue
      end.party.send({
        type: 'relay-opened',
        collection: relay.collection,
        with: other.id,
        channel: end.channel,
        maxFrameBytes,
        windowBytes,
      })
    }
  }

  #expire(relay: Relay): void {
    if (relay.ends.length < 2) this.#close(relay, 'timeout')
  }

  #flushed(end: RelayEnd, cost: number): void {
    const { relay } = end
    if (relay.isClosed) return
    const delayMs = Math.max(relay.rate.borrow(cost), this.#totalRate.borrow(cost))
    if (delayMs === 0) {
      this.#credit(end, cost)
      return
    }
    const undo = this.#context.clock.after(delayMs, () => {
      relay.timers.delete(undo)
      this.#credit(end, cost)
    })
    relay.timers.add(undo)
  }

  /** Credit goes out in quarters of the window: a sender that waits has a whole window to come. */
  #credit(end: RelayEnd, cost: number): void {
    end.owed += cost
    if (end.owed < this.#context.limits.relayWindowBytes / 4) return
    const bytes = end.owed
    end.spent -= bytes
    end.owed = 0
    end.party.send({ type: 'relay-credit', channel: end.channel, bytes })
  }

  /** Tells both ends, but not the one who closed it. */
  #close(relay: Relay, code: ErrorCode | undefined, closedBy?: InstanceId): void {
    if (relay.isClosed) return
    relay.isClosed = true
    stopTimers(relay)
    this.#relays.delete(relay.key)
    this.#context.counters.relays = this.#relays.size
    const { collection } = relay
    for (const end of relay.ends) end.party.relayEnds.delete(end.channel)
    for (const end of relay.ends) {
      if (end.id === closedBy) continue
      const other = otherIdOf(relay, end.id)
      end.party.send({
        type: 'relay-closed',
        collection,
        with: other,
        ...(code === undefined ? {} : { code }),
      })
    }
  }
}

function addEnd(relay: Relay, id: InstanceId, party: RelayParty): void {
  const channel = party.nextChannel()
  const end: RelayEnd = { relay, party, id, channel, spent: 0, owed: 0 }
  relay.ends.push(end)
  party.relayEnds.set(channel, end)
}

function otherEnd(end: RelayEnd): RelayEnd | undefined {
  return end.relay.ends.find((other) => other !== end)
}

/** The key names both ids, of which one is `id`. */
function otherIdOf(relay: Relay, id: InstanceId): InstanceId {
  const [a, b] = relay.key.split(' ', 2) as [InstanceId, InstanceId]
  return a === id ? b : a
}

function keyOf(collection: CollectionName, a: InstanceId, b: InstanceId): string {
  return a < b ? `${a} ${b} ${collection}` : `${b} ${a} ${collection}`
}

function stopTimers(relay: Relay): void {
  for (const undo of relay.timers) undo()
  relay.timers.clear()
}
