/*
 * Links between any two of many participants on one BroadcastChannel: the tabs of one origin. The
 * channel brings everything to everybody, so each message is addressed, and who is not meant drops it.
 *
 *   a: connect('b') ── open ──► b: onLink        frames and `close` carry the link's name
 *   a: ◄────────────── close ── b: knows no such link, takes no more links, or nobody listens
 *
 * A tab that vanishes says nothing: only the heartbeat of a `Channel` notices.
 */
import type { Link, LinkClosed, Random, Undo } from '../ports/index.js'
import { frameBounds } from '../protocol/index.js'
import { PipeLink, type PipeListener } from './pipe-link.js'

/** As much of a BroadcastChannel as is used: the browser's and Node's have it. */
export interface BroadcastChannelLike {
  onmessage: ((event: never) => void) | null
  postMessage(message: unknown): void
  close(): void
}

export interface BroadcastLinksOptions {
  /** Taken over: handler and closing. */
  readonly channel: BroadcastChannelLike
  /** Under which the others reach this participant. One participant an address. */
  readonly address: string
  readonly random: Random
}

export const broadcastBounds = {
  /** Links of one participant: tabs of one origin, each with one link to the leader and one on its way out. */
  maxLinks: 256,
} as const

export class BroadcastLinks {
  readonly address: string
  readonly #channel: BroadcastChannelLike
  readonly #random: Random
  readonly #links = new Map<string, OpenLink>()
  readonly #onLink = new Set<(link: Link, from: string) => void>()
  #closed = false

  constructor({ channel, address, random }: BroadcastLinksOptions) {
    this.#channel = channel
    this.address = address
    this.#random = random
    channel.onmessage = ({ data }: { readonly data: unknown }) => this.#take(data)
  }

  /**
   * A link to whoever has that address. It is usable at once; if nobody is there, nothing tells. Above
   * `maxLinks` or after `close` it fails at once.
   */
  connect(to: string): Link {
    const name = [...this.#random.bytes(16)].map((byte) => byte.toString(16)).join('.')
    const isTaken = !this.#closed && this.#links.size < broadcastBounds.maxLinks
    if (isTaken) this.#post({ to, name, what: 'open' })
    const link = this.#open(name, to)
    if (!isTaken) this.#links.get(name)?.listener.garbage('no more links here')
    return link
  }

  /** Who connected to this address. Without a listener, and above `maxLinks`, they are turned away. */
  onLink(listener: (link: Link, from: string) => void): Undo {
    this.#onLink.add(listener)
    return () => this.#onLink.delete(listener)
  }

  /** Closes all links and the channel. Idempotent. */
  close(): void {
    if (this.#closed) return
    for (const { link } of this.#links.values()) link.close()
    this.#closed = true
    this.#channel.onmessage = null
    this.#channel.close()
  }

  #open(name: string, other: string): Link {
    let heard: PipeListener | undefined
    const link = new PipeLink({
      kind: 'port',
      maxFrameBytes: frameBounds.maxBytes,
      attach: (listener) => {
        heard = listener
        return {
          // What was posted has left: the platform does not tell more.
          bufferedBytes: 0,
          // A clone of a view takes its whole buffer along; a copy takes the frame.
          send: (frame) =>
            this.#post({ to: other, name, what: 'frame', bytes: frame.slice().buffer }),
          hangUp: () => {
            this.#links.delete(name)
            this.#post({ to: other, name, what: 'close' })
          },
        }
      },
    })
    if (heard !== undefined) this.#links.set(name, { link, other, listener: heard })
    return link
  }

  #take(data: unknown): void {
    const message = parse(data)
    if (message === undefined || message.to !== this.address) return
    const { name, from, what } = message
    const open = this.#links.get(name)
    if (what === 'open') {
      if (open === undefined) this.#accept(name, from)
    } else if (open === undefined || open.other !== from) {
      if (what === 'frame') this.#post({ to: from, name, what: 'close' })
    } else if (what === 'frame') {
      open.listener.frame(message.bytes)
    } else {
      this.#links.delete(name)
      open.listener.ended(closedThere)
    }
  }

  #accept(name: string, from: string): void {
    if (this.#onLink.size === 0 || this.#links.size >= broadcastBounds.maxLinks) {
      this.#post({ to: from, name, what: 'close' })
      return
    }
    const link = this.#open(name, from)
    for (const listener of this.#onLink) listener(link, from)
  }

  #post(message: Omit<Posted, 'from'>): void {
    if (this.#closed) return
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window
    this.#channel.postMessage({ ...message, from: this.address })
  }
}

const closedThere: LinkClosed = { by: 'remote', reason: 'the other end closed' }

interface OpenLink {
  readonly link: Link
  readonly other: string
  readonly listener: PipeListener
}

/** As it travels. */
interface Posted {
  readonly to: string
  readonly from: string
  readonly name: string
  readonly what: 'open' | 'frame' | 'close'
  readonly bytes?: ArrayBuffer
}

type Heard = { readonly to: string; readonly from: string; readonly name: string } & (
  | { readonly what: 'open' | 'close' }
  | { readonly what: 'frame'; readonly bytes: Uint8Array }
)

/** Undefined for what is none of ours: others may use a channel of this name. */
function parse(data: unknown): Heard | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { to, from, name, what, bytes } = data as Readonly<Record<string, unknown>>
  if (typeof to !== 'string' || typeof from !== 'string' || typeof name !== 'string') {
    return undefined
  }
  if (what === 'open' || what === 'close') return { to, from, name, what }
  if (what !== 'frame' || !(bytes instanceof ArrayBuffer)) return undefined
  return { to, from, name, what, bytes: new Uint8Array(bytes) }
}
