/** What this process holds, when everything that is over has been let go. */
import { readdirSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'

export interface ProcessState extends Counts {
  readonly residentBytes: number
  readonly heapBytes: number
}

interface Counts {
  readonly descriptors: number
  readonly threads: number
  readonly resources: number
}

/**
 * Needs `--expose-gc`. Connections close a little after their channels, and threads end when they get
 * round to it: it waits until nothing is held beyond what was held `before`, or, without that, until
 * nothing has changed for a while; for ten seconds at most.
 *
 * @param isLetGo whether what the script itself looks after has been let go as well
 */
export async function processState(
  before?: ProcessState,
  isLetGo: () => boolean = () => true,
): Promise<ProcessState> {
  const untilMs = performance.now() + maxWaitMs
  let counts = await countsNow()
  let sameFor = 0
  while (performance.now() < untilMs) {
    if (before === undefined ? sameFor >= 10 : isWithin(counts, before) && isLetGo()) break
    await setTimeout(50)
    const next = await countsNow()
    sameFor = isWithin(next, counts) && isWithin(counts, next) ? sameFor + 1 : 0
    counts = next
  }
  const { rss, heapUsed } = process.memoryUsage()
  return { residentBytes: rss, heapBytes: heapUsed, ...counts }
}

const maxWaitMs = 10_000

async function countsNow(): Promise<Counts> {
  // Ends of connections run in turns of their own; each of them may let go of more.
  for (let turn = 0; turn < 50; turn++) {
    await setImmediate()
    globalThis.gc?.()
  }
  return {
    descriptors: countIn('/proc/self/fd'),
    threads: countIn('/proc/self/task'),
    resources: process.getActiveResourcesInfo().length,
  }
}

function isWithin(counts: Counts, others: Counts): boolean {
  return (
    counts.descriptors <= others.descriptors &&
    counts.threads <= others.threads &&
    counts.resources <= others.resources
  )
}

function countIn(folder: string): number {
  return readdirSync(folder).length
}
