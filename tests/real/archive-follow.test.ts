import { cp, mkdtemp, rm } from 'node:fs/promises'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createArchive } from '@holdfast/archive'
import { ArchiveConnection, webSocketArchiveDial } from '@holdfast/client/testing'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import type { CollectionName, DocumentId } from '@holdfast/peer/protocol'
import { createTokenVerifier, mintToken } from '@holdfast/signal'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { MemoryLedger } from '../sim/archive-link/memory-ledger.js'
import { ReplicaDisk } from '../sim/archive-link/replica-disk.js'
import { ArchivePeer } from './archive-peer.js'
import { until } from './archive-server.js'
import { binPath } from './tools/bin.js'

const world = { clock: systemClock, random: systemRandom, logger: silentLogger }
/** Goal R5. */
const healedWithinMs = 30_000

let folder = ''
const machines: Machine[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-follow-'))
})

afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.kill()
  await rm(folder, { recursive: true, force: true })
})

test(
  '[L26] [L27] [L28] [L48] [FOLLOW-1] [FOLLOW-2] [FOLLOW-3] [FOLLOW-4] [FOLLOW-5] [R5] two archives, killed, put back from an old copy or emptied, have it all again within 30 s',
  { timeout: 240_000 },
  async () => {
    const first = new Machine('first')
    await first.start()
    const second = new Machine('second', first)
    await second.start()

    await write(first, 'written at the first. ')
    await sees(second, ['written at the first. '])
    await write(second, 'written at the second. ')
    const early = ['written at the first. ', 'written at the second. ']
    await sees(first, early)

    // The second is away while the first is written to.
    await second.kill()
    await first.stop()
    await first.copyTo('old')
    await first.start()
    await write(first, 'while it was away. ')
    await second.start()
    const all = [...early, 'while it was away. ']
    await sees(second, all)

    // Nobody but the second archive holds what the old copy of the first lacks.
    await first.kill()
    await first.putBack('old')
    await first.start()
    await sees(first, all)
    expect(await first.heads()).toEqual({ notes: 3 })

    await second.kill()
    await second.empty()
    await second.start()
    await sees(second, all)

    await first.kill()
    await first.empty()
    await first.start()
    await sees(first, all)

    // What is not said twice makes no second entry, however often they met.
    await write(first, 'at the end. ')
    await sees(second, [...all, 'at the end. '])
    const heads = [await first.heads(), await second.heads()]
    await write(second, 'after that. ')
    await sees(first, [...all, 'at the end. ', 'after that. '])
    expect([await first.heads(), await second.heads()]).toEqual(
      heads.map(({ notes = 0 }) => ({ notes: notes + 1 })),
    )
  },
)

test('[FOLLOW-2] [SRV-5] with a token for all collections a follower finds those that are new over there', async () => {
  const secret = 'a secret of thirty-two bytes or more'
  const tokens = await createTokenVerifier({ secret }, systemClock)
  const token = await mintToken(
    { secret, access: { '*': 'admin' }, expiresInMs: 3_600_000 },
    systemClock,
  )
  const options = { port: 0, tokens, logger: silentLogger }
  const first = await createArchive({ ...options, folder: join(folder, 'a') })
  const url = `ws://127.0.0.1:${first.port}/archive`
  const follow = { url, token: () => token }
  const second = await createArchive({ ...options, folder: join(folder, 'b'), follow })
  try {
    expect(second.followed).toEqual([])
    const peer = ArchivePeer.connect(first.port, token)
    await peer.hears('hello')
    const document = { id: 'note' as DocumentId, generation: 0 }
    peer.push(new Y.Doc(), document, (body) => body.insert(0, 'found'))
    await peer.hears('committed')
    await until(() => second.followed.some(({ seq, phase }) => seq === 1 && phase === 'live'))
    expect(await second.log.collections({ limit: 9 })).toMatchObject({ collections: ['notes'] })
    expect(second.followed).toMatchObject([
      { collection: 'notes', archive: first.log.archive, seq: 1, head: 1, open: 0 },
    ])
    const figures = await second.metrics()
    for (const line of ['collections 1', 'collections_live 1', 'lag_entries 0', 'open_ops 0']) {
      expect(figures).toContain(`\nholdfast_archive_followed_${line}\n`)
    }
  } finally {
    await second.close()
    await first.close()
  }
})

/** An archive in a process of its own, always on the same port. */
class Machine {
  readonly #name: string
  readonly #followed: Machine | undefined
  #child: ChildProcess | undefined
  port = 0

  constructor(name: string, followed?: Machine) {
    this.#name = name
    this.#followed = followed
    machines.push(this)
  }

  get data(): string {
    return join(folder, this.#name)
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/archive`
  }

  async start(): Promise<void> {
    const followed = this.#followed === undefined ? [] : ['--follow', this.#followed.url]
    const child = spawn(
      process.execPath,
      [binPath, 'serve', '--data', this.data, '--port', String(this.port), ...followed],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    this.#child = child
    this.port = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const { port } = JSON.parse(line) as { readonly port?: number }
        if (port !== undefined) resolve(port)
      })
      child.on('close', () => reject(new Error(`${this.#name} ended before it listened`)))
    })
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  async copyTo(name: string): Promise<void> {
    await cp(this.data, join(folder, name), { recursive: true })
  }

  async putBack(name: string): Promise<void> {
    await this.empty()
    await cp(join(folder, name), this.data, { recursive: true })
  }

  async empty(): Promise<void> {
    await rm(this.data, { recursive: true, force: true })
  }

  async heads(): Promise<Record<string, number>> {
    const response = await fetch(`http://127.0.0.1:${this.port}/admin/inspect`)
    const { log } = (await response.json()) as { log: { collections: readonly Inspected[] } }
    return Object.fromEntries(log.collections.map(({ name, head }) => [name, head]))
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

interface Inspected {
  readonly name: string
  readonly head: number
}

/** A device that has nothing when it comes, and takes nothing away. */
async function visit<T>(
  { url }: Machine,
  during: (device: { ledger: MemoryLedger; connection: ArchiveConnection }) => Promise<T>,
): Promise<T> {
  const disk = new ReplicaDisk(systemRandom)
  const ledger = new MemoryLedger({ ...world, disk, writeMs: 1 })
  const connection = new ArchiveConnection({
    ...world,
    collection: 'notes' as CollectionName,
    identity: () => ({ replica: disk.replica, instance: ledger.instance }),
    ledger,
    dial: webSocketArchiveDial(WebSocket, url),
  })
  connection.start()
  try {
    return await during({ ledger, connection })
  } finally {
    connection.close()
  }
}

function write(machine: Machine, text: string): Promise<void> {
  return visit(machine, async ({ ledger, connection }) => {
    await until(() => connection.state.phase === 'live')
    await ledger.edit('note', (doc) => doc.getArray('lines').push([text]))
    await until(
      () => connection.archive !== undefined && ledger.owes(connection.archive).length === 0,
    )
  })
}

async function sees(machine: Machine, lines: readonly string[]): Promise<void> {
  await visit(machine, async ({ ledger }) => {
    const seen = (): readonly unknown[] =>
      ledger.disk.documents
        .get('note' as never)
        ?.doc.getArray('lines')
        .toArray() ?? []
    await until(() => seen().length >= lines.length, healedWithinMs)
    expect(new Set(seen())).toEqual(new Set(lines))
  })
}
