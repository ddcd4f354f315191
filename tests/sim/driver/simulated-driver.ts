import { loadSqlJs, RedoDriver, type CheckpointPolicy, type Driver } from '@holdfast/client/testing'
import type { Clock, Random } from '@holdfast/peer/ports'
import type { Disk } from '@holdfast/peer/testing'
import { DiskRecords } from './disk-records.js'

const sqlJs = await loadSqlJs()

/** What a `Life` of the simulated world has of it. */
export interface SimulatedPlace {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
}

/**
 * The browser's driver with a simulated disk in IndexedDB's place: what is answered survives a crash of
 * the host, and a second one on the same disk takes it over.
 */
export function openSimulatedDriver(
  { disk, clock, random }: SimulatedPlace,
  checkpoints?: CheckpointPolicy,
): Promise<Driver> {
  const store = new DiskRecords(disk, random)
  return RedoDriver.open({
    kind: 'simulated',
    sqlJs,
    store,
    clock,
    ...(checkpoints !== undefined && { checkpoints }),
  })
}
