import { afterAll, expect, test } from 'vitest'
import type { CallerAnswer, CallerCommand, CallReport } from '../children/mesh-caller.js'
import { MeshCaller } from './mesh-caller-process.js'
import { SignalProcess } from './signal-process.js'

/** A campaign says how many: `RUNS=1000`. */
const runs = Number(process.env['RUNS'] ?? 30)
/** Each process has places for three calls and one answer, or four answers. */
const runsAtOnce = 3

const signal = await SignalProcess.start()
const callers = [1, 2].map(() => new MeshCaller([`ws://127.0.0.1:${signal.port}/signal`]))
afterAll(async () => {
  for (const caller of callers) caller.end()
  await signal.kill()
})

test(`[MESH-1] [MESH-12] ${runs} times two processes join at the same moment, and ${runs} links come of it`, async () => {
  const reports: (readonly CallReport[])[] = []
  let begun = 0
  const worker = async (): Promise<void> => {
    while (begun < runs) reports.push(await connect(`run ${begun++}`))
  }
  await Promise.all(Array.from({ length: runsAtOnce }, worker))

  const retried = reports.filter((ends) => ends.some(({ attempts }) => attempts !== 1))
  console.info(`${runs} runs, ${retried.length} of them with more than one attempt`)
  for (const ends of retried) console.info(JSON.stringify(ends))
  expect(reports).toHaveLength(runs)
  for (const ends of reports) {
    expect(ends).toMatchObject([
      { paths: ['webrtc'], links: 1 },
      { paths: ['webrtc'], links: 1 },
    ])
  }
}, 600_000)

/** What both ends say when both have said that they are linked: nothing else came of it meanwhile. */
async function connect(collection: string): Promise<readonly CallReport[]> {
  const askAll = (command: CallerCommand): Promise<readonly CallerAnswer[]> =>
    Promise.all(callers.map((caller) => caller.ask(command, collection)))
  await askAll({ join: collection })
  const reports = await askAll({ look: collection })
  await askAll({ leave: collection })
  return reports as CallReport[]
}
