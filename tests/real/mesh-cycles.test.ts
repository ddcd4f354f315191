import { afterAll, expect, test } from 'vitest'
import { runCycles } from './run-cycles.js'
import { SignalProcess } from './signal-process.js'

/** A campaign says how many: `RUNS=1000`. */
const cycles = Number(process.env['RUNS'] ?? 200)

const signal = await SignalProcess.start()
afterAll(() => signal.kill())

test(`[MESH-9] [K20] [R8] ${cycles} pairs of meshes made, synced over WebRTC and closed leave no connection, descriptor, thread, handle or task`, async () => {
  const server = `ws://127.0.0.1:${signal.port}/signal`
  const kept = await runCycles('mesh-cycles', server, cycles)
  console.info(`kept after ${cycles} cycles: ${JSON.stringify(kept)}`)
  expect(kept).toMatchObject({ descriptors: 0, threads: 0 })
  // Fewer than before is something of the warm-up that was still ending.
  expect(kept.resources).toBeLessThanOrEqual(0)
  // The script itself fails over anything of ours that is still held; what grows is V8's own code.
  expect(kept.heapBytes).toBeLessThan(8 * MiB)
  expect(kept.exitMs).toBeLessThan(2_000)
}, 600_000)

const MiB = 1_024 * 1_024
