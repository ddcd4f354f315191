import { Child } from './child.js'

export type RawKind = 'net' | 'ws'

export interface BytesCommands {
  cpuMs(): number
  /** Sends so many bytes to whoever connects, in writes (or messages) of so many. Gives the port. */
  serve(kind: RawKind, bytes: number, writeBytes: number): Promise<number>
  /** So many connect at once and take that in; how long it took. */
  take(kind: RawKind, port: number, count: number, bytes: number): Promise<number>
}

/** The floor of a storm: the same bytes from memory to as many sockets. One line for the table. */
export async function rawStorm(count: number, megabytes: number): Promise<string> {
  const plain = await measure('net', count, megabytes, 64 * 1_024)
  const long = await measure('net', count, megabytes, 1_024 * 1_024)
  const webSocket = await measure('ws', count, megabytes, 64 * 1_024)
  return `floor: bare sockets ${plain} in writes of 64 KiB and ${long} of 1 MiB, bare ws ${webSocket}`
}

async function measure(
  kind: RawKind,
  count: number,
  megabytes: number,
  writeBytes: number,
): Promise<string> {
  const bytes = megabytes * 1e6
  const server = await Child.start<BytesCommands>('bytes-main.js', [])
  const clients = await Child.start<BytesCommands>('bytes-main.js', [])
  try {
    const port = await server.call('serve', [kind, bytes, writeBytes])
    const beforeMs = await server.call('cpuMs', [])
    await clients.call('take', [kind, port, count, bytes], 120_000)
    return `${(((await server.call('cpuMs', [])) - beforeMs) / 1_000).toFixed(2)} s CPU`
  } finally {
    server.stop()
    clients.stop()
  }
}
