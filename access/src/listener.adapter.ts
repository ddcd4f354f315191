/** The HTTP server of a service that has no host's to be mounted on. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ListenerLimits {
  /** Who has not finished asking by then is one who never speaks. */
  readonly askMs: number
  readonly maxSockets: number
}

export function httpServer({ askMs, maxSockets }: ListenerLimits): Server {
  const http = createServer({
    headersTimeout: askMs,
    requestTimeout: askMs,
    connectionsCheckingInterval: 2_000,
    keepAliveTimeout: 5_000,
  })
  // Beyond the sockets themselves, some for those being upgraded and for operators.
  http.maxConnections = maxSockets + 256
  return http
}

/** Rejects with why it cannot. */
export function listen(http: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, maxWaitingConnects, () => {
      http.off('error', reject)
      resolve()
    })
  })
}

/**
 * Connections that the kernel makes before they are taken in here (it allows 4,096 by itself). With
 * Node's 511, half of a thousand clients that come back at once would try again a second later.
 */
const maxWaitingConnects = 4_096

/** Of a server that listens; 0 before. */
export function listeningPort(http: Server): number {
  return (http.address() as AddressInfo | null)?.port ?? 0
}

export function closeListener(http: Server): Promise<void> {
  return new Promise((resolve) => {
    http.close(() => resolve())
    http.closeAllConnections()
  })
}
