/**
 * From which web pages browsers may connect. A browser says so by itself and a page cannot change
 * it; whatever is no browser can write anything, so this protects users of browsers, not the server.
 */
import { matchesGlob } from './glob.js'
import { isLoopback } from './ip.js'

export interface OriginPolicy {
  /** Origins as browsers write them, such as `https://app.example.org`; `*` means any characters. */
  readonly allowed?: readonly string[]
  /** Whether everybody is let in without a token because the server is on loopback. */
  readonly isLoopbackOnly: boolean
}

/** Whether a socket with this `Origin` header may be opened. */
export function isOriginAllowed(origin: string | undefined, policy: OriginPolicy): boolean {
  if (origin === undefined) return true
  if (policy.allowed !== undefined) {
    return policy.allowed.some((glob) => matchesGlob(glob, origin))
  }
  // Any page that a developer looks at could otherwise talk to the server on the own machine.
  return !policy.isLoopbackOnly || isLoopback(hostOf(origin))
}

function hostOf(origin: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/(\[[0-9a-f:.]+\]|[^/:?#]+)(:\d+)?$/i.exec(origin)?.[1] ?? ''
}
