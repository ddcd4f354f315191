import type { Figure } from '../report.js'
import { withClients, type Spread } from './client-process.js'
import type { Extent } from './extent.js'
import { spent, withServer, type ServerKind } from './server-process.js'

interface Measured extends Spread {
  /** Of the server, for each edit and each reader. */
  readonly micros: number
  /** An edit. */
  readonly threads: string
}

/**
 * A2: one types, the others read. What an edit costs whoever reads it (here it is a commit and an
 * fsync) is told apart from what each further reader costs by measuring with one reader too.
 */
export async function fanOut({ quick }: Extent): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  const ourAlone = await measure('holdfast', 1, 300)
  const rawAlone = await measure('relay', 1, 300)
  for (const readers of quick ? [100] : [100, 1_000]) {
    const edits = quick ? 150 : readers === 100 ? 600 : 300
    // Before and after: what else the machine does changes meanwhile.
    const before = await measure('relay', readers, edits)
    const ours = await measure('holdfast', readers, edits)
    const after = await measure('relay', readers, edits)
    const hocuspocus = await tryToMeasure('hocuspocus', readers, edits)
    const yWebsocket = await tryToMeasure('y-websocket', readers, edits)
    const raw = { micros: mean(before.micros, after.micros), p99: mean(before.p99Ms, after.p99Ms) }
    const ratio = ours.micros / raw.micros
    const peers = `y-websocket ${micros(yWebsocket)}, Hocuspocus ${micros(hocuspocus)}`
    const best = Math.min(...[hocuspocus, yWebsocket].map(microsIfDone))
    const arrived = [ours, before, after].every((one) => one.arrivals >= one.expected)
    figures.push(
      {
        id: 'A2',
        what: `server CPU an edit a reader, ${readers} readers, ${edits} edits at 50/s`,
        figure: `${micros(ours)} = ${ratio.toFixed(2)} × raw ws`,
        beside: `raw ws.send ${raw.micros.toFixed(1)} µs`,
        goal: '≤ 1.5 × raw ws',
        met: arrived && ratio <= 1.5,
      },
      {
        id: 'A2-peers',
        what: `the same, ${readers} readers`,
        figure: micros(ours),
        beside: peers,
        goal: 'below both peers',
        met: arrived && ours.micros < best,
      },
      {
        id: 'A2-profile',
        what: `where the time of an edit goes, ${readers} readers`,
        figure: `${ours.threads}; with one reader ${millis(ourAlone.micros)} in all, each further one ${further(ours, ourAlone, readers)}`,
        beside: `raw ws ${millis(raw.micros * readers)}; with one reader ${millis(rawAlone.micros)}, each further one ${further(raw, rawAlone, readers)}`,
      },
      {
        id: 'A2-p99',
        what: `edit → at a reader, ${readers} readers: median, p99`,
        figure: `${latency(ours)} = ${(ours.p99Ms / raw.p99).toFixed(2)} × raw ws`,
        beside: `raw ws ${latency(before)} and ${latency(after)}; y-websocket ${latency(yWebsocket)}; Hocuspocus ${latency(hocuspocus)}`,
        goal: 'p99 ≤ 1.2 × raw ws',
        met: arrived && ours.p99Ms <= 1.2 * raw.p99,
      },
    )
  }
  return figures
}

/** A peer that does not get done with it says so in its place. */
function tryToMeasure(
  kind: ServerKind,
  readers: number,
  edits: number,
): Promise<Measured | Undone> {
  return measure(kind, readers, edits).catch((error: unknown) => ({ undone: String(error) }))
}

interface Undone {
  readonly undone: string
}

function measure(kind: ServerKind, readers: number, edits: number): Promise<Measured> {
  return withServer(kind, ({ url, process }) =>
    withClients(async (clients) => {
      // Compiled before it counts: a server of a minute's age is the same as one of a year's.
      await clients.call('join', [kind, url, 3, 'before'], 60_000)
      await clients.call('spread', [compilingEdits, 4], 60_000)
      await clients.call('leave', [])
      await clients.call('join', [kind, url, readers + 1, 'note'], 120_000)
      // And grown.
      await clients.call('spread', [growingEdits, 20], 60_000)
      const beforeMs = await process.call('cpuMs', [])
      const threads = await process.call('threadsMs', [])
      const spread = await clients.call('spread', [edits, 20], 120_000)
      const cpuMs = (await process.call('cpuMs', [])) - beforeMs
      const { loopMs, nextMs, restMs } = spent(threads, await process.call('threadsMs', []))
      const each = (ms: number): string => `${(ms / edits).toFixed(2)} ms`
      return {
        ...spread,
        micros: (cpuMs * 1_000) / edits / readers,
        threads: `event loop ${each(loopMs)}, writing thread ${each(nextMs)}, rest (V8's) ${each(restMs)}`,
      }
    }),
  )
}

/** Fewer than make a document ripe: a compaction would be measured too. */
const compilingEdits = 1_500
/** Five seconds of typing. */
const growingEdits = 250

/** With what did not arrive in time, if anything did not. */
function micros(measured: Measured | Undone): string {
  if ('undone' in measured) return measured.undone
  const { micros, arrivals, expected } = measured
  const missing = expected - arrivals
  return `${micros.toFixed(1)} µs${missing > 0 ? ` (${missing} of ${expected} not arrived)` : ''}`
}

/** Worse than whatever is. */
function microsIfDone(measured: Measured | Undone): number {
  return 'undone' in measured ? Infinity : measured.micros
}

function millis(micros: number): string {
  return `${(micros / 1_000).toFixed(2)} ms`
}

type Cost = Pick<Measured, 'micros'>

/** What a reader costs besides the edit itself. */
function further(all: Cost, alone: Cost, readers: number): string {
  return `${((all.micros * readers - alone.micros) / (readers - 1)).toFixed(1)} µs`
}

function latency(spread: Spread | Undone): string {
  if ('undone' in spread) return spread.undone
  const { p50Ms, p99Ms } = spread
  return `${p50Ms.toFixed(1)}, ${p99Ms.toFixed(0)} ms`
}

function mean(a: number, b: number): number {
  return (a + b) / 2
}
