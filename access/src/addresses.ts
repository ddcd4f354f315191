/**
 * How many sockets there are, in all and from each address. An IPv6 host has at least a /64 to
 * itself, so its first 64 bits count as one address.
 */
import { isIPv4, isIPv6 } from './ip.js'

export class Addresses {
  readonly #maxSockets: number
  readonly #maxPerAddress: number
  readonly #countByAddress = new Map<string, number>()
  #total = 0

  constructor(maxSockets: number, maxPerAddress: number) {
    this.#maxSockets = maxSockets
    this.#maxPerAddress = maxPerAddress
  }

  /** Takes a place, which is to be released once. False: there is none left. */
  acquire(address: string): boolean {
    const key = addressKey(address)
    const count = this.#countByAddress.get(key) ?? 0
    if (this.#total >= this.#maxSockets || count >= this.#maxPerAddress) return false
    this.#total++
    this.#countByAddress.set(key, count + 1)
    return true
  }

  release(address: string): void {
    const key = addressKey(address)
    this.#total--
    const count = (this.#countByAddress.get(key) ?? 1) - 1
    if (count === 0) this.#countByAddress.delete(key)
    else this.#countByAddress.set(key, count)
  }
}

/** What counts as one address. */
function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  if (isIPv4(address) || !isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}

/**
 * The address that a socket comes from. Behind proxies that are ours, each has added the address
 * that it saw to `X-Forwarded-For`: the last `trustedProxies` entries are theirs, what is before
 * them is whatever the client wrote.
 */
export function clientAddress(
  socketAddress: string,
  forwardedFor: string | undefined,
  trustedProxies: number,
): string {
  if (trustedProxies === 0 || forwardedFor === undefined) return socketAddress
  const hops = forwardedFor.split(',').map((hop) => hop.trim())
  return hops.at(-trustedProxies) ?? hops[0] ?? socketAddress
}
