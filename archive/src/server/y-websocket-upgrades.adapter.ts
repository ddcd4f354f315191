import { openGrant, type Grant } from '@holdfast/access'
import type { Clock } from '@holdfast/peer/ports'
import { accept, canWrite, refuse, type Parsed } from '@holdfast/peer/protocol'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { readAddress } from '../y-websocket/address.js'
import type { YWebsocketBridge } from '../y-websocket/bridge.js'
import type { ServerLimits } from './limits.js'
import type { ArchiveOptions } from './options.js'
import { answerPings } from './pings.adapter.js'
import { socketOptions } from './socket-options.js'
import { yWebsocketSocket } from './y-websocket-socket.adapter.js'

export interface YWebsocketUpgradesOptions extends Pick<ArchiveOptions, 'tokens' | 'openAccess'> {
  readonly bridge: YWebsocketBridge
  readonly clock: Clock
  readonly limits: ServerLimits
  /** Below it are the documents; false: none are served. */
  readonly path: string | false
}

/**
 * Upgrades of y-websocket clients, which bring their token in the URL, the only place that is theirs
 * to set. They are refused after the upgrade, because only a close code tells them not to come back.
 */
export class YWebsocketUpgrades {
  readonly #options: YWebsocketUpgradesOptions
  readonly #writers: WebSocketServer
  readonly #readers: WebSocketServer

  constructor(options: YWebsocketUpgradesOptions) {
    const { bridge, limits } = options
    this.#options = options
    this.#writers = new WebSocketServer(socketOptions(bridge.limits.maxMessageBytes, limits))
    this.#readers = new WebSocketServer(socketOptions(bridge.limits.maxReaderMessageBytes, limits))
  }

  /** Whether a document is asked for at this path. */
  owns(path: string): boolean {
    const prefix = this.#options.path
    return prefix !== false && path.startsWith(`${prefix}/`)
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { bridge, clock, limits, path: prefix } = this.#options
    const onError = (): void => void socket.destroy()
    socket.on('error', onError)
    const stopWaiting = clock.after(limits.askMs, onError)
    const [path = '', query] = (request.url ?? '').split('?')
    const place = readAddress(path.slice(String(prefix).length))
    const token = new URLSearchParams(query).get('token')
    const grant: Parsed<Grant> = place.ok ? await this.#grantOf(token ?? undefined) : place
    stopWaiting()
    socket.off('error', onError)
    if (socket.destroyed) return
    const access = place.ok && grant.ok ? grant.value.accessTo(place.value.collection) : undefined
    const server = access !== undefined && canWrite(access) ? this.#writers : this.#readers
    server.handleUpgrade(request, socket, head, (ws) => {
      answerPings(ws)
      const { socket, listen } = yWebsocketSocket(ws)
      if (!place.ok || !grant.ok) {
        listen(bridge.refuse(socket, grant.ok ? 'malformed' : grant.refusal.code))
      } else if (access === undefined) {
        listen(bridge.refuse(socket, 'forbidden'))
      } else {
        const { expiresAtMs } = grant.value
        listen(bridge.connect(socket, { ...place.value, access, expiresAtMs }))
      }
    })
  }

  async #grantOf(token: string | undefined): Promise<Parsed<Grant>> {
    const { tokens, openAccess = 'write' } = this.#options
    if (tokens === undefined) return accept(openGrant(openAccess))
    if (token === undefined) return refuse('unauthenticated', 'token: none')
    return tokens.verify(token)
  }
}
