/** M4 and M9: peers that join at once, until everyone has everyone's edit, and what the signaller has to say. */
import { median, type Figure } from '../report.js'
import { allSee, joinAll, leaveAll, seconds, takeTraffic, type Extent } from './crowd.js'
import type { PeerKind } from './peer-commands.js'
import { withCrowd } from './peer-process.js'

const goals = [
  { size: 8, withinMs: 3_000 },
  { size: 12, withinMs: 6_000 },
] as const

export async function joinsAtOnce({ quick, runs }: Extent): Promise<readonly Figure[]> {
  const ourRuns = runs ?? (quick ? 3 : 10)
  const theirRuns = quick ? 1 : 3
  const figures: Figure[] = []
  for (const { size, withinMs } of goals) {
    const ours = await join('holdfast', size, ourRuns, 20_000)
    const theirs = await joinOrNever('y-webrtc', size, theirRuns, 20_000)
    const inTime = ours.filter(({ editsMs = Infinity }) => editsMs <= withinMs).length
    figures.push({
      id: 'M4',
      what: `${size} peers join at once until everyone has everyone's edit: median, worst of ${ourRuns}`,
      figure: `${medianAndWorst(ours.map(({ editsMs }) => editsMs))}; ${inTime} of ${ourRuns} in time`,
      beside: `y-webrtc ${medianAndWorst(theirs.map(({ editsMs }) => editsMs))} of ${theirRuns}`,
      goal: `≤ ${withinMs / 1_000} s, every run`,
      met: inTime === ourRuns,
    })
    const direct = ours.map(({ linksMs }) => linksMs)
    figures.push({
      id: 'M4-direct',
      what: `the same until all direct links stand (${size > 8 ? 'six to eight a peer' : 'everyone to everyone'})`,
      figure: size > 8 ? 'not asked' : medianAndWorst(direct),
      beside: `y-webrtc ${medianAndWorst(theirs.map(({ linksMs }) => linksMs))}`,
    })
    if (size === 8) {
      const links = (size * (size - 1)) / 2
      const [signals, theirSignals] = [ours, theirs].map((runs) =>
        Math.max(...runs.map(({ signals }) => signals)),
      ) as [number, number]
      figures.push({
        id: 'M9',
        what: `the same: signalling messages delivered until then, worst run (relayed data apart: ${Math.max(...ours.map(({ relayed }) => relayed))})`,
        figure: `${signals} = ${(signals / links).toFixed(1)} × ${links} links`,
        beside: `y-webrtc ${theirSignals}`,
        goal: '≤ 10 × links',
        met: signals <= 10 * links,
      })
    }
  }
  return figures
}

interface Run {
  readonly editsMs: number | undefined
  readonly linksMs: number | undefined
  readonly signals: number
  readonly relayed: number
}

/** A y-webrtc peer now and then throws while it joins, and takes its process with it. */
async function joinOrNever(
  kind: PeerKind,
  size: number,
  runs: number,
  withinMs: number,
): Promise<readonly Run[]> {
  try {
    return await join(kind, size, runs, withinMs)
  } catch (error) {
    console.error(String(error))
    return [{ editsMs: undefined, linksMs: undefined, signals: 0, relayed: 0 }]
  }
}

async function join(
  kind: PeerKind,
  size: number,
  runs: number,
  withinMs: number,
): Promise<readonly Run[]> {
  return withCrowd(kind, size, async (crowd) => {
    const all: Run[] = []
    for (let run = 0; run < runs; run++) {
      await takeTraffic(crowd)
      const startMs = await joinAll(crowd)
      await Promise.all(crowd.peers.map((peer) => peer.call('edit', [])))
      const since = (atMs: number | undefined) => (atMs === undefined ? undefined : atMs - startMs)
      const editsMs = since(await allSee(crowd.peers, { edits: size }, withinMs))
      // Above eight not everyone is linked with everyone.
      const linksMs =
        size > 8 && kind === 'holdfast'
          ? undefined
          : since(await allSee(crowd.peers, { links: size - 1 }, withinMs))
      const { sum } = await takeTraffic(crowd)
      const relayed = sum('relayed')
      all.push({ editsMs, linksMs, signals: sum('signals') - relayed, relayed })
      await leaveAll(crowd)
    }
    return all
  })
}

function medianAndWorst(values: readonly (number | undefined)[]): string {
  const known = values.filter((ms) => ms !== undefined)
  const worst = known.length < values.length ? undefined : Math.max(...known)
  return `${seconds(known.length === 0 ? undefined : median(known))}, ${seconds(worst)}`
}
