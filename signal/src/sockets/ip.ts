/** What an IP address looks like, as far as this server asks. */

export function isIPv4(address: string): boolean {
  const parts = address.split('.')
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)
}

export function isIPv6(address: string): boolean {
  return /^[0-9a-f:.]{2,45}(%.{1,32})?$/i.test(address) && address.includes(':')
}

/** Whether nobody but this machine can reach the host of this name, or be it. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true
  const v4 = name.startsWith('::ffff:') ? name.slice('::ffff:'.length) : name
  return isIPv4(v4) && v4.startsWith('127.')
}
