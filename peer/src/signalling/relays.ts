/**
 * The relays of one collection: one a neighbour at most, each with a deadline until it stands.
 * Channels are numbers of the connection, so all collections share one table of them.
 */
import type { Clock, Undo } from '../ports/index.js'
import type {
  CollectionName,
  ErrorCode,
  InstanceId,
  RelayClosed,
  RelayLimits,
  RelayOpened,
} from '../protocol/index.js'
import type { SignallingClientLimits } from './limits.js'
import type { Speaker } from './membership.js'
import { RelayLink } from './relay-link.js'

export type RelayChannels = Map<number, RelayLink>

export interface RelaysOptions {
  readonly clock: Clock
  readonly limits: SignallingClientLimits
  readonly collection: CollectionName
  readonly channels: RelayChannels
  readonly speaker: Speaker
}

export class Relays {
  readonly #options: RelaysOptions
  readonly #links = new Map<InstanceId, RelayLink>()
  readonly #deadlines = new Map<InstanceId, Undo>()

  constructor(options: RelaysOptions) {
    this.#options = options
  }

  /**
   * A link to `to`, or the one that there is. Where the server relays nothing, or the room is not
   * joined, it is a link that has failed.
   *
   * @param announced what the server said about relays when the room was joined
   */
  open(to: InstanceId, announced: RelayLimits | undefined): RelayLink {
    const present = this.#links.get(to)
    if (present !== undefined) return present
    const { clock, collection, limits, speaker } = this.#options
    const link = new RelayLink({
      clock,
      with: to,
      maxFrameBytes: announced?.maxFrameBytes ?? 0,
      maxQueueBytes: limits.maxRelayQueueBytes,
      pipe: {
        send: (message) => speaker.sendBytes(message),
        close: () => {
          this.#forget(link)
          speaker.send({ type: 'relay-close', collection, to })
        },
      },
    })
    if (announced === undefined || this.#links.size >= limits.maxRelays) {
      const reason = announced === undefined ? 'there is no relay' : 'too many relays'
      link.end({ by: 'failed', reason })
      return link
    }
    this.#links.set(to, link)
    this.#deadlines.set(
      to,
      clock.after(limits.relayMs, () => this.#giveUp(link)),
    )
    speaker.send({ type: 'relay-open', collection, to })
    return link
  }

  opened(message: RelayOpened): void {
    const link = this.#links.get(message.with)
    if (link === undefined) {
      // Given up meanwhile, and that message crossed with this one.
      this.#options.speaker.send({
        type: 'relay-close',
        collection: this.#options.collection,
        to: message.with,
      })
      return
    }
    // Said twice: it keeps the number that it has, or the table of numbers would grow with each.
    if (link.channel !== undefined) return
    this.#stopDeadline(link)
    this.#options.channels.set(message.channel, link)
    link.open(message.channel, message.windowBytes)
  }

  closed(message: RelayClosed): void {
    const link = this.#links.get(message.with)
    if (link === undefined) return
    this.#forget(link)
    const { code } = message
    link.end(code === undefined ? { by: 'remote', reason: 'closed' } : failedBy(code))
  }

  /** Whether what was refused was a relay. */
  refused(to: InstanceId, code: ErrorCode): boolean {
    const link = this.#links.get(to)
    if (link === undefined || link.channel !== undefined) return false
    this.#forget(link)
    link.end(failedBy(code))
    return true
  }

  /** The connection, or the membership, is gone: so are its relays. */
  endAll(code: ErrorCode): void {
    for (const link of this.#links.values()) {
      this.#forget(link)
      link.end(failedBy(code))
    }
  }

  /** The caller leaves: its relays close as by itself. */
  closeAll(): void {
    for (const link of this.#links.values()) link.close('left')
  }

  #giveUp(link: RelayLink): void {
    const { collection, speaker } = this.#options
    this.#forget(link)
    link.end(failedBy('timeout'))
    speaker.send({ type: 'relay-close', collection, to: link.with })
  }

  #forget(link: RelayLink): void {
    this.#stopDeadline(link)
    if (this.#links.get(link.with) === link) this.#links.delete(link.with)
    if (link.channel !== undefined) this.#options.channels.delete(link.channel)
  }

  #stopDeadline(link: RelayLink): void {
    this.#deadlines.get(link.with)?.()
    this.#deadlines.delete(link.with)
  }
}

function failedBy(code: ErrorCode): { by: 'failed'; reason: string } {
  return { by: 'failed', reason: code }
}
