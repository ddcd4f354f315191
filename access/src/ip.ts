/** What an IP address looks like, as far as this server asks. */

export function isIPv4(address: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(address)
}

export function isIPv6(address: string): boolean {
  return /^[0-9a-f:.]{2,45}(%.{1,32})?$/i.test(address) && address.includes(':')
}

/** Whether nobody but this machine can reach the host of this name, or be it. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true
  return /^(::ffff:)?127(\.\d{1,3}){3}$/.test(name)
}
