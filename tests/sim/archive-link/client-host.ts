import { ArchiveConnection } from '@holdfast/client/testing'
import { silentLogger, type Clock } from '@holdfast/peer/ports'
import { hexOf, type CollectionName, type ReplicaId } from '@holdfast/peer/protocol'
import type { Host, Life, World } from '@holdfast/peer/testing'
import { MemoryLedger } from './memory-ledger.js'
import { ReplicaDisk } from './replica-disk.js'

/** One device with a replica and its connection to the archive. */
export class ClientHost {
  disk: ReplicaDisk
  ledger: MemoryLedger | undefined
  connection: ArchiveConnection | undefined
  clock: Clock | undefined
  readonly host: Host
  readonly archive: string

  /** @param archive the name of the one that it is connected to */
  constructor(world: World, name: string, disk?: ReplicaDisk, archive = 'archive') {
    this.host = world.host(name)
    this.archive = archive
    this.disk = disk ?? new ReplicaDisk(world.random.fork(`replica ${name}`))
  }

  get name(): string {
    return this.host.name
  }

  start(): void {
    this.host.start((life) => this.#run(life))
  }

  crash(): void {
    this.host.crash()
    this.ledger = undefined
    this.connection = undefined
  }

  check(): void {
    const violations = this.ledger?.violations ?? []
    if (violations.length > 0) throw new Error(`${this.name}: ${violations.join('; ')}`)
  }

  #run(life: Life): void {
    const { clock, random } = life
    // Every life has the same disk, and a ledger of its own.
    const ledger = new MemoryLedger({ disk: this.disk, clock, random, writeMs: 8 })
    const connection = new ArchiveConnection({
      collection: 'notes' as CollectionName,
      identity: () => ({ replica: this.disk.replica, instance: ledger.instance }),
      ledger,
      dial: () => ({ link: life.dial(this.archive) }),
      clock,
      random,
      logger: silentLogger,
    })
    connection.onState(({ phase }) => {
      life.log(phase)
      life.count(phase)
    })
    connection.onTrouble((trouble) => {
      life.log(trouble.kind)
      life.count(trouble.kind)
      if (trouble.kind !== 'replica-in-use') return
      // A clone beside the one that it was made of.
      this.disk.replica = hexOf(random.bytes(16)) as ReplicaId
      clock.after(10, () => connection.retryNow())
    })
    this.ledger = ledger
    this.connection = connection
    connection.start()
  }
}
