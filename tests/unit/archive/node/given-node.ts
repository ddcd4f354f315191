import {
  ArchiveNode,
  type ArchiveNodeOptions,
  type Caller,
  type Log,
  type LogPolicy,
} from '@holdfast/archive'
import { MemoryDisk, openMemoryLog } from '@holdfast/archive/testing'
import { silentLogger, type Link } from '@holdfast/peer/ports'
import type { CollectionName } from '@holdfast/peer/protocol'
import { createWorld, type World } from '@holdfast/peer/testing'
import { ScriptedClient, type ClientOptions } from './scripted-client.js'

export const notes = 'notes' as CollectionName

export interface GivenNode {
  readonly world: World
  readonly node: ArchiveNode
  readonly log: Log
  readonly disk: MemoryDisk
  /** A link of its own, on which nothing has been said. */
  client(options?: ClientOptions & { readonly caller?: Caller }): ScriptedClient
  /** As `client`, after both have said `hello`. */
  proven(options?: ClientOptions): Promise<ScriptedClient>
  until(condition: () => boolean): Promise<void>
  /** Ends the node, and opens another on the same disk, or on one that is given. */
  restart(disk?: MemoryDisk): Promise<void>
  close(): Promise<void>
}

export interface GivenNodeOptions extends Partial<
  Omit<ArchiveNodeOptions, 'log' | 'clock' | 'random'>
> {
  readonly seed?: string
  readonly policy?: Partial<LogPolicy>
  /** Stands between the network and the node's end of each link. */
  readonly wrapLink?: (link: Link) => Link
}

/** A node with a log in memory, in a world of virtual time. */
export async function givenNode(options: GivenNodeOptions = {}): Promise<GivenNode> {
  const { seed = 'node', policy, wrapLink = (link: Link) => link, ...nodeOptions } = options
  const world = createWorld({ seed })
  const { clock, random } = world
  let clients = 0
  let disk = new MemoryDisk(random.fork('disk'))
  let log = await open()
  let node = createNode()
  const given: GivenNode = {
    world,
    get node() {
      return node
    },
    get log() {
      return log
    },
    get disk() {
      return disk
    },
    client({ caller, ...clientOptions } = {}) {
      const name = `client-${++clients}`
      const { a, b } = world.network.connect(name, 'archive')
      node.accept(wrapLink(b), caller)
      return new ScriptedClient(world, a, name, { collection: notes, ...clientOptions })
    },
    async proven(clientOptions) {
      const client = given.client(clientOptions)
      client.hello()
      await client.hears('hello')
      return client
    },
    until: (condition) => clock.runUntil(condition, { maxVirtualMs: 120_000 }),
    async restart(other = disk) {
      const closing = node.close()
      await clock.run(12_000)
      await closing
      await log.close()
      disk = other
      log = await open()
      node = createNode()
    },
    async close() {
      const closing = node.close()
      await clock.run(12_000)
      await closing
      await log.close()
    },
  }
  return given

  function open(): Promise<Log> {
    return openMemoryLog({
      disk,
      clock,
      random: random.fork(`log ${clock.monotonic()}`),
      logger: silentLogger,
      ...(policy && { policy }),
    })
  }

  function createNode(): ArchiveNode {
    const own = random.fork(`node ${clock.monotonic()}`)
    return new ArchiveNode({ logger: silentLogger, ...nodeOptions, log, clock, random: own })
  }
}
