/** WebSockets as links to an archive: the browser's own, React Native's, or those of `ws`. */
import { webSocketLink } from '../links/web-socket-link.js'
import type { WebSocketConstructor } from '../ports/index.js'
import type { ArchiveDial } from './dial.js'

/**
 * Dials `url` (`ws:` or `wss:`) with the platform's WebSocket. Throws a RangeError at once for
 * another kind of address.
 */
export function webSocketArchiveDial(WebSocket: WebSocketConstructor, url: string): ArchiveDial {
  if (!/^wss?:\/\/[^/]/.test(url)) {
    throw new RangeError(`an archive's address starts with ws:// or wss://, got ${url}`)
  }
  return () => ({ link: webSocketLink(new WebSocket(url)) })
}
