/**
 * The door of a server: each upgrade is checked before anything is done for it, in this order,
 * cheapest first: draining, loopback where no token is asked for, origin, places left. A refusal is
 * an HTTP answer with the code in its body.
 *
 *     open ── sockets come and go ──► shut ── going-away ──► emptied, by themselves or cut off
 */
import type { Clock } from '@holdfast/peer/ports'
import type { ErrorCode } from '@holdfast/peer/protocol'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { Addresses, clientAddress } from './addresses.js'
import { refuseUpgrade } from './http.adapter.js'
import { isLoopback } from './ip.js'
import { isOriginAllowed, type OriginPolicy } from './origins.js'

export interface DoorOptions {
  /** Whether a token is asked for, once somebody is in. */
  readonly asksForTokens: boolean
  /** Without tokens: lets strangers in, too. */
  readonly isOpen: boolean
  /** Origins of web pages, with `*` as wildcard. Absent: any; on loopback without tokens, loopback. */
  readonly origins: readonly string[] | undefined
  /** Proxies of our own in front, each of which adds to `X-Forwarded-For`. */
  readonly trustedProxies: number
  readonly maxSockets: number
  readonly maxSocketsPerAddress: number
  readonly onRefused: (code: ErrorCode) => void
}

export class Door {
  readonly #options: DoorOptions
  readonly #isLoopbackOnly: boolean
  /** One for all sockets, called on the one that closed: each idle socket would keep its own. */
  readonly #onClosed: (this: Duplex) => void
  readonly #origins: OriginPolicy
  readonly #addresses: Addresses
  /** The address of each. */
  readonly #inside = new Map<Duplex, string>()
  #isShut = false

  constructor(options: DoorOptions) {
    const released = (socket: Duplex): void => this.#release(socket)
    this.#onClosed = function () {
      released(this)
    }
    this.#options = options
    this.#isLoopbackOnly = !options.asksForTokens && !options.isOpen
    this.#origins = {
      ...(options.origins === undefined ? {} : { allowed: options.origins }),
      isLoopbackOnly: this.#isLoopbackOnly,
    }
    this.#addresses = new Addresses(options.maxSockets, options.maxSocketsPerAddress)
  }

  /** How many sockets are inside. */
  get sockets(): number {
    return this.#inside.size
  }

  /** The address of whoever may be upgraded, which has its place until its socket closes. */
  admit(request: IncomingMessage, socket: Duplex): string | undefined {
    const address = this.#addressOf(request)
    const refused = this.#refusalOf(request)
    if (refused !== undefined || !this.#addresses.acquire(address)) {
      const code = refused ?? 'too-many'
      this.#options.onRefused(code)
      refuseUpgrade(socket, isForbidden(code) ? 403 : 503, code)
      return undefined
    }
    this.#inside.set(socket, address)
    socket.on('close', this.#onClosed)
    return address
  }

  /** Nobody is let in any more. */
  shut(): void {
    this.#isShut = true
  }

  /** Resolves when all are gone; who does not answer the close within `closeMs` is cut off. */
  async emptied(clock: Clock, closeMs: number): Promise<void> {
    const undo = clock.after(closeMs, () => {
      for (const socket of this.#inside.keys()) socket.destroy()
    })
    await Promise.all([...this.#inside.keys()].map(closedOf))
    undo()
  }

  #release(socket: Duplex): void {
    const address = this.#inside.get(socket)
    if (address !== undefined) this.#addresses.release(address)
    this.#inside.delete(socket)
  }

  #refusalOf(request: IncomingMessage): ErrorCode | undefined {
    if (this.#isShut) return 'going-away'
    const { localAddress = '' } = request.socket
    if (this.#isLoopbackOnly && !isLoopback(localAddress)) return 'forbidden'
    if (!isOriginAllowed(request.headers.origin, this.#origins)) return 'origin-not-allowed'
    return undefined
  }

  #addressOf({ socket, headers }: IncomingMessage): string {
    const forwardedFor = headers['x-forwarded-for']
    return clientAddress(
      socket.remoteAddress ?? '',
      typeof forwardedFor === 'string' ? forwardedFor : undefined,
      this.#options.trustedProxies,
    )
  }
}

function isForbidden(code: ErrorCode): boolean {
  return code === 'origin-not-allowed' || code === 'forbidden'
}

function closedOf(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}
