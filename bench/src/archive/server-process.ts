import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child } from './child.js'

/** The archive, the peers, and two floors: `relay` hands messages on, `rows` sends those of a table. */
export type ServerKind = 'holdfast' | 'hocuspocus' | 'y-websocket' | 'relay' | 'rows'

export interface ServerCommands {
  /** Of all its threads, since its start. */
  cpuMs(): number
  /** The same by thread; the first is the one that runs the event loop. Empty without /proc. */
  threadsMs(): readonly (readonly [thread: number, ms: number])[]
  /** After collecting garbage. */
  memory(): Promise<Memory>
  /** The most that it ever had. */
  peakBytes(): number
  compact(document: string): Promise<string>
  watchDelay(): void
  delayP99Ms(): number
}

export interface Memory {
  readonly residentBytes: number
  readonly heapBytes: number
  /**
   * Memory that V8 has for what is young, whether anything is there or not: it doubles when much has
   * outlived it, up to 16 MiB for each of two halves, and shrinks when little is made for seconds.
   */
  readonly youngBytes: number
  /** Memory that V8 has for everything else. */
  readonly oldBytes: number
}

/** What each thread took between two askings: the event loop's, the busiest other, the rest. */
export function spent(
  before: Awaited<ReturnType<ServerCommands['threadsMs']>>,
  after: Awaited<ReturnType<ServerCommands['threadsMs']>>,
): { readonly loopMs: number; readonly nextMs: number; readonly restMs: number } {
  const known = new Map(before)
  const [loopMs = 0, ...others] = after.map(([thread, ms]) => ms - (known.get(thread) ?? 0))
  const nextMs = Math.max(0, ...others)
  return { loopMs, nextMs, restMs: others.reduce((sum, ms) => sum + ms, 0) - nextMs }
}

export interface MeasuredServer {
  readonly url: string
  readonly process: Child<ServerCommands>
}

/** Starts a server in a fresh folder, lets `use` have it, and ends it whatever happens. */
export async function withServer<T>(
  kind: ServerKind,
  use: (server: MeasuredServer) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  let child: Child<ServerCommands> | undefined
  try {
    child = await Child.start<ServerCommands>('server-main.js', [kind, folder])
    return await use({ url: (child.first as { url: string }).url, process: child })
  } finally {
    child?.stop()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
