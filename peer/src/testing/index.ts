export { goodPath, type PathConditions } from './conditions.js'
export { SimulationError, type SimulationErrorCode } from './errors.js'
export type { CrashOptions, Host, Program } from './host.js'
export type { Verdict } from './lane.js'
export type { Life } from './life.js'
export { LinkEvents } from '../links/link-events.js'
export { Network, type Direction, type Interceptor, type NetworkOptions } from './network.js'
export type { Gate, Pipe } from './pipe.js'
export { RecordLog } from './record-log.js'
export {
  runSeeds,
  seedOfRun,
  type Scenario,
  type SeedRuns,
  type SeedRunsOptions,
} from './run-seeds.js'
export { SeededRandom } from './seeded-random.js'
export {
  SimulatedDisk,
  type Disk,
  type DiskOperation,
  type DiskOptions,
  type DiskStatistics,
} from './simulated-disk.js'
export type { CrashLoss } from './simulated-file.js'
export type { SimulatedLink } from './simulated-link.js'
export type { LinkStatistics } from './statistics.js'
export { Trace, type TraceOptions } from './trace.js'
export {
  VirtualClock,
  type RunLimits,
  type UntilOptions,
  type VirtualClockOptions,
} from './virtual-clock.js'
export { createWorld, type World, type WorldOptions } from './world.js'
