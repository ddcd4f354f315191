import { loadSqlJs, RedoDriver, type CheckpointPolicy, type Driver } from '@holdfast/client/testing'
import type { Clock, Random } from '@holdfast/peer/ports'
import type { Disk } from '@holdfast/peer/testing'
import { DiskRecords } from './disk-records.js'

const loaded = await loadSqlJs()
const databases = new Set<InstanceType<typeof loaded.Database>>()
const sqlJs: typeof loaded = {
  Database: class extends loaded.Database {
    constructor(image?: Uint8Array) {
      super(image)
      databases.add(this)
    }
    override close(): void {
      super.close()
      databases.delete(this)
    }
  },
}

/**
 * sql.js keeps what was not closed, and what runs on a host that crashes closes nothing. To be called
 * at the end of a run, when nobody works with a driver any more: campaigns would fill the memory.
 */
export function freeSimulatedDrivers(): void {
  for (const database of databases) database.close()
}

/** What a `Life` of the simulated world has of it. */
export interface SimulatedPlace {
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
}

/** Parts that a test puts in others' places. */
export interface SimulatedParts {
  readonly checkpoints?: CheckpointPolicy
  readonly Records?: typeof DiskRecords
  /** What sql.js is given to carry out in place of this. */
  readonly onExec?: (sql: string) => string
  /** Hears of each database that it works with: the last one, and those made anew. */
  readonly onDatabase?: (database: SimulatedDatabase) => void
}

export type SimulatedDatabase = InstanceType<typeof loaded.Database>

/**
 * The browser's driver with a simulated disk in IndexedDB's place: what is answered survives a crash of
 * the host, and a second one on the same disk takes it over.
 */
export function openSimulatedDriver(
  { disk, clock, random }: SimulatedPlace,
  { checkpoints, Records = DiskRecords, onExec, onDatabase }: SimulatedParts = {},
): Promise<Driver> {
  return RedoDriver.open({
    kind: 'simulated',
    sqlJs: { Database: watched(onExec, onDatabase) },
    store: new Records(disk, random),
    clock,
    ...(checkpoints !== undefined && { checkpoints }),
  })
}

function watched(
  onExec: SimulatedParts['onExec'],
  onDatabase: SimulatedParts['onDatabase'],
): typeof sqlJs.Database {
  return class extends sqlJs.Database {
    constructor(image?: Uint8Array) {
      super(image)
      onDatabase?.(this)
    }
    override exec(sql: string): unknown {
      return super.exec(onExec?.(sql) ?? sql)
    }
  }
}
