/** What the scenarios do with a crowd: join a room, wait until everyone sees something, leave. */
import type { JoinRequest, Sight, Traffic } from './peer-commands.js'
import { sharedNowMs } from './peer-commands.js'
import type { Crowd, PeerProcess } from './peer-process.js'

/** How long a scenario runs. */
export interface Extent {
  readonly quick: boolean
  /** How often M4 is run, where that was asked for. */
  readonly runs?: number
}

/** All join at once; what comes back is when they were told to. */
export async function joinAll(
  { peers, server, freshRoom }: Crowd,
  request: Omit<JoinRequest, 'server' | 'room'> = {},
): Promise<number> {
  const room = freshRoom()
  const startMs = sharedNowMs()
  await Promise.all(peers.map((peer) => peer.call('join', [{ ...request, server, room }])))
  return startMs
}

/** When the last of them saw it, in shared milliseconds; undefined if one did not in time. */
export async function allSee(
  peers: readonly PeerProcess[],
  sight: Sight,
  withinMs: number,
): Promise<number | undefined> {
  const seen = await Promise.all(peers.map((peer) => peer.call('see', [sight, withinMs], withinMs)))
  return seen.some((atMs) => atMs === null) ? undefined : Math.max(...seen.map(Number))
}

/** As `allSee`, where nothing can be measured without it. */
export async function mustSee(
  peers: readonly PeerProcess[],
  sight: Sight,
  withinMs: number,
): Promise<number> {
  const atMs = await allSee(peers, sight, withinMs)
  if (atMs !== undefined) return atMs
  throw new Error(`not all saw ${JSON.stringify(sight)} within ${withinMs / 1_000} s`)
}

export async function leaveAll({ peers }: Crowd): Promise<void> {
  await Promise.all(peers.map((peer) => peer.call('leave', [])))
}

/** What all of them sent and heard since the last time, together and one by one. */
export async function takeTraffic({ peers }: Crowd): Promise<{
  readonly each: readonly Traffic[]
  readonly sum: (what: keyof Traffic) => number
}> {
  const each = await Promise.all(peers.map((peer) => peer.call('takeTraffic', [])))
  return { each, sum: (what) => each.reduce((sum, traffic) => sum + traffic[what], 0) }
}

export function seconds(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${(ms / 1_000).toFixed(2)} s`
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`
}
