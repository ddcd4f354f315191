import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { systemClock } from '@holdfast/peer/ports'
import type { DocumentId } from '@holdfast/peer/protocol'
import { mintToken } from '@holdfast/signal'
import { ArchivePeer } from './archive-peer.js'
import { until } from './archive-server.js'
import { binPath, runInside } from './tools/bin.js'

let folder = ''
const running: Serving[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-serve-'))
})

afterEach(async () => {
  for (const serving of running.splice(0)) await serving.kill()
  await rm(folder, { recursive: true, force: true })
})

/** What an installation looks like for a machine that has no binaries of it. */
const hooks = `export const resolve = (name, context, next) => {
  if (name === '@roamhq/wrtc') throw new Error('not installed')
  return next(name, context)
}`
const withoutWebRtc = moduleOf(
  `import { register } from 'node:module'; register(${JSON.stringify(moduleOf(hooks))})`,
)

function moduleOf(source: string): string {
  return `data:text/javascript;base64,${Buffer.from(source).toString('base64')}`
}

const document = { id: 'first' as DocumentId, generation: 0 }

describe('holdfast-archive serve', () => {
  test('[SRV-10] serves until SIGTERM, drains, ends with 0, and goes on from where it was', async () => {
    const one = await serve(['serve', '--data', folder, '--port', '0'])
    const peer = ArchivePeer.connect(one.port)
    await peer.hears('hello')
    peer.push(new Y.Doc(), document, (body) => body.insert(0, 'kept'))
    await peer.hears('committed')
    expect(await one.terminate()).toBe(0)
    expect(one.messages).toEqual(expect.arrayContaining(['listening', 'draining', 'closed']))
    expect(peer.closed).toMatchObject({ code: 'going-away' })

    const two = await serve(['--data', folder, '--port', '0'])
    const reader = ArchivePeer.connect(two.port)
    await reader.hears('hello')
    reader.subscribe()
    expect(await reader.hears('subscribed')).toMatchObject({ head: 1 })
    expect(await two.terminate()).toBe(0)
  })

  test('[SRV-10] every setting may come from the environment, and a flag wins', async () => {
    const secretFile = join(folder, 'secret')
    await writeFile(secretFile, 'a secret of thirty-two bytes or more\n')
    const serving = await serve(['serve', '--port', '0'], {
      HOLDFAST_DATA: join(folder, 'data'),
      HOLDFAST_ARCHIVE_PORT: '1',
      HOLDFAST_SECRET_FILE: secretFile,
      HOLDFAST_ARCHIVE_PATH: '/sync',
      HOLDFAST_ARCHIVE_LIMITS: 'server.maxSockets=1,log.ripeRows=10',
    })
    const response = await fetch(`http://127.0.0.1:${serving.port}/sync/readyz`)
    expect(response.status).toBe(200)
    const access = { notes: 'write' as const }
    const secret = 'a secret of thirty-two bytes or more'
    const token = await mintToken({ secret, access, expiresInMs: 3_600_000 }, systemClock)
    const peer = ArchivePeer.connect(serving.port, token, '/sync')
    await peer.hears('hello')
    const second = ArchivePeer.connect(serving.port, token, '/sync')
    await until(() => second.closed !== undefined)
    expect(peer.closed).toBeUndefined()
  })

  test('[ROOMS-6] without WebRTC it says so, and serves WebSockets alone', async () => {
    const serving = await serve(
      ['serve', '--data', folder, '--port', '0', '--signal', 'ws://127.0.0.1:1/signal'],
      { NODE_OPTIONS: `--import=${withoutWebRtc}` },
    )
    const peer = ArchivePeer.connect(serving.port)
    await peer.hears('hello')
    const said = serving.messages.filter((message) => message.startsWith('no WebRTC'))
    expect(said).toEqual([
      'no WebRTC: @roamhq/wrtc is not installed; peers reach this archive by WebSocket alone',
    ])
    expect(await serving.terminate()).toBe(0)
  })

  test('[SRV-10] explains itself, and names in one line what it does not take', async () => {
    const help = await runInside('serve', '--help')
    expect(help.code).toBe(0)
    for (const said of ['--data DIR', 'HOLDFAST_DATA', 'HOLDFAST_SECRET', 'log.ripeRows', '4441']) {
      expect(help.out).toContain(said)
    }
    const mistakes: readonly (readonly [readonly string[], string])[] = [
      [['serve'], 'serve needs --data DIR'],
      [['serve', '--data', folder, '--port', 'many'], "--port takes a whole number; it got 'many'"],
      [['serve', '--data', folder, '--limit', 'log.ripeRow=1'], "Did you mean 'log.ripeRows'?"],
      [['serve', '--data', folder, '--host', '0.0.0.0'], 'can be reached by others'],
      [['serve', '--data', folder, '--secret-file', join(folder, 'none')], 'cannot be read'],
      [['serve', '--data', folder, '--log-level', 'loud'], "no log level 'loud'"],
      [['serve', '--data', folder, '--path', 'sync'], '--path takes a path'],
      [['serve', '--dta', folder], "Did you mean '--data'?"],
    ]
    for (const [words, answer] of mistakes) {
      const { code, error } = await runInside(...words)
      expect([words, code, error]).toEqual([words, 2, expect.stringContaining(answer)])
    }
  })

  test('[SRV-10] a second one on the same folder is told who has it', async () => {
    await serve(['serve', '--data', folder, '--port', '0'])
    const second = spawn(process.execPath, [binPath, 'serve', '--data', folder, '--port', '0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const said = text(second.stderr)
    const [code] = (await once(second, 'close')) as [number]
    expect([code, await said]).toEqual([3, expect.stringContaining('in use')])
  })
})

interface LogLine {
  readonly msg: string
  readonly port?: number
}

class Serving {
  readonly child: ChildProcess
  readonly port: number
  readonly #lines: readonly LogLine[]

  constructor(child: ChildProcess, port: number, lines: readonly LogLine[]) {
    this.child = child
    this.port = port
    this.#lines = lines
  }

  get messages(): readonly string[] {
    return this.#lines.map(({ msg }) => msg)
  }

  /** As a supervisor does; gives the exit code. */
  async terminate(): Promise<number | null> {
    // By the close its output has been read to the end.
    const ended = once(this.child, 'close')
    this.child.kill('SIGTERM')
    const [code] = (await ended) as [number | null]
    return code
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await ended
  }
}

async function serve(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const child = spawn(process.execPath, [binPath, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  const lines: LogLine[] = []
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const parsed = JSON.parse(line) as LogLine
      lines.push(parsed)
      if (parsed.port !== undefined) resolve(parsed.port)
    })
    child.on('close', () => reject(new Error('it ended before it listened')))
  })
  const serving = new Serving(child, port, lines)
  running.push(serving)
  return serving
}
