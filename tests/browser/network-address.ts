import { execFileSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'

/**
 * Two pages reach each other by WebRTC only over an address that is not loopback. Its packets never
 * leave the machine: they go to itself. Where there is no such address (a container without a network)
 * this makes one, which needs root.
 *
 * @returns gives it back
 */
export function networkAddress(): () => void {
  const addresses = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  if (addresses.some(({ internal, family }) => !internal && family === 'IPv4')) return () => {}
  const name = `hf${process.pid}`
  try {
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`)
    // Of the block for documentation: nobody's network.
    ip('address', 'add', '192.0.2.77/24', 'dev', name)
    ip('link', 'set', name, 'up')
    ip('link', 'set', `${name}p`, 'up')
    // Chromium asks for the way to the world, and offers the address at which it would leave.
    ip('route', 'add', 'default', 'dev', name)
  } catch (error) {
    throw new Error(
      'two pages need a network interface besides loopback, and none can be made without root',
      { cause: error },
    )
  }
  return () => ip('link', 'delete', name)
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
