import {
  ArchiveConnection,
  type ArchiveConnectionOptions,
  type ArchiveTrouble,
} from '@holdfast/client/testing'
import { silentLogger } from '@holdfast/peer/ports'
import { createWorld, type World } from '@holdfast/peer/testing'
import { MemoryLedger } from '../../../sim/archive-link/memory-ledger.js'
import { ReplicaDisk } from '../../../sim/archive-link/replica-disk.js'
import { notes, ScriptedArchive } from './scripted-archive.js'

export interface Given {
  readonly world: World
  readonly archive: ScriptedArchive
  readonly disk: ReplicaDisk
  readonly ledger: MemoryLedger
  readonly connection: ArchiveConnection
  /** Phases, as they were told. */
  readonly phases: string[]
  readonly troubles: ArchiveTrouble[]
  /** Cuts the link, as a network does. */
  readonly cut: () => void
  readonly live: () => Promise<void>
  /** Lets virtual time pass until the replica has saved something. */
  readonly saved: <T>(work: Promise<T>) => Promise<T>
}

export interface GivenOptions extends Partial<ArchiveConnectionOptions> {
  readonly seed?: string
  readonly writeMs?: number
  /** Has met this archive before, so that it does not compare. */
  readonly isMet?: boolean
}

/** A connection to a scripted archive, not started, in a world of virtual time. */
export function givenConnection(options: GivenOptions = {}): Given {
  const { seed = 'kelp', writeMs = 5, isMet = true, ...connectionOptions } = options
  const world = createWorld({ seed })
  const { clock, random, network } = world
  const archive = new ScriptedArchive(world)
  const disk = new ReplicaDisk(random)
  const ledger = new MemoryLedger({ disk, clock, random, writeMs })
  if (isMet) {
    const cursor = { archive: archive.archive, term: archive.term, seq: 0 }
    disk.positions.set(archive.archive, { cursor, isWhole: true, isCompared: true })
  }
  const connection = new ArchiveConnection({
    collection: notes,
    identity: () => ({ replica: disk.replica, instance: ledger.instance }),
    ledger,
    dial: () => ({ link: network.dial('phone', 'archive') }),
    clock,
    random,
    logger: silentLogger,
    ...connectionOptions,
  })
  const phases: string[] = []
  const troubles: ArchiveTrouble[] = []
  connection.onState(({ phase }) => phases.push(phase))
  connection.onTrouble((trouble) => troubles.push(trouble))
  return {
    world,
    archive,
    disk,
    ledger,
    connection,
    phases,
    troubles,
    cut: () => {
      for (const pipe of network.pipes) pipe.break()
    },
    async saved<T>(work: Promise<T>) {
      let isDone = false
      const note = async (): Promise<T> => {
        const value = await work
        isDone = true
        return value
      }
      const noted = note()
      await world.until(() => isDone)
      return noted
    },
    async live() {
      connection.start()
      await world.until(() => connection.state.phase === 'live')
    },
  }
}
