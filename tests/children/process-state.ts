/** What this process holds, when everything that is over has been let go. */
import { readdirSync } from 'node:fs'
import { setImmediate, setTimeout } from 'node:timers/promises'

export interface ProcessState {
  readonly residentBytes: number
  readonly heapBytes: number
  readonly descriptors: number
  readonly threads: number
  readonly resources: number
}

/** Needs `--expose-gc`. */
export async function processState(): Promise<ProcessState> {
  // Connections close a little after their channels.
  await setTimeout(500)
  // Ends of connections run in turns of their own; each of them may let go of more.
  for (let turn = 0; turn < 50; turn++) {
    await setImmediate()
    globalThis.gc?.()
  }
  const { rss, heapUsed } = process.memoryUsage()
  return {
    residentBytes: rss,
    heapBytes: heapUsed,
    descriptors: countIn('/proc/self/fd'),
    threads: countIn('/proc/self/task'),
    resources: process.getActiveResourcesInfo().length,
  }
}

function countIn(folder: string): number {
  return readdirSync(folder).length
}
