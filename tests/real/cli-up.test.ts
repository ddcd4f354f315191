/** `holdfast up` in a process of its own, as somebody starts it who has read nothing. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '@holdfast/peer/ports'
import { mintToken } from '@holdfast/signal'
import { WebSocket } from 'ws'
import { ArchivePeer } from './archive-peer.js'
import { until, YClient } from './archive-server.js'
import { SignalPeer } from './signal-peer.js'
import { holdfast, HoldfastProcess } from './tools/holdfast.js'

/** What a person reads of a HoldfastError, by its code. */
const words = {
  'no-answer': 'does not answer: is it running?',
  forbidden: 'takes a token with admin',
}

let cwd = ''
const toClose: (() => unknown)[] = []
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'holdfast-up-'))
})
afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close()
  await rm(cwd, { recursive: true, force: true })
})

describe('holdfast up', () => {
  test('[CLI-11] [CLI-14] serves signaller and archive on one port, keeps what it was given, and drains', async () => {
    const first = await up()
    expect(await readdir(join(cwd, 'holdfast-data'))).toContain('archive.db')
    const writer = await client(first.port, 'notes/n1').synced()
    writer.text.insert(0, 'kept')
    const reader = client(first.port, 'notes/n1')
    await until(() => reader.words === 'kept')
    const peers = [await SignalPeer.joined(first.port), await SignalPeer.joined(first.port)]
    for (const peer of peers) toClose.push(() => peer.close())
    await until(() => peers.every((peer) => peer.of('joined').length === 1))
    const native = ArchivePeer.connect(first.port)
    await native.hears('hello')

    const { code, output, errors } = await first.process.end()
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    for (const shown of ['/signal', '/archive', '/readyz', 'holdfast inspect', 'Ctrl-C']) {
      expect(output).toContain(shown)
    }
    for (const peer of peers) {
      expect(await peer.whenClosed()).toEqual({ code: 4009, reason: 'going-away' })
      expect(peer.of('drain')).toHaveLength(1)
    }
    await until(() => native.closed !== undefined)
    expect(native.closed).toMatchObject({ code: 'going-away' })

    const second = await up()
    const later = client(second.port, 'notes/n1')
    await until(() => later.words === 'kept')
    expect((await second.process.end('SIGINT')).code).toBe(0)
  })

  test('[CLI-12] health, readiness and figures are answered once, for both', async () => {
    const { port } = await up()
    expect(await get(port, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
    expect(await get(port, '/readyz')).toMatchObject({ status: 200, text: 'ok\n' })
    const { text } = await get(port, '/metrics')
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '')
    expect(new Set(names).size).toBe(names.length)
    for (const name of [
      'holdfast_signal_sockets',
      'holdfast_archive_ready',
      'process_cpu_seconds_total',
    ]) {
      expect(names).toContain(name)
    }
    expect(text).toMatch(/^holdfast_archive_ready 1$/m)
    await post(port, { isRunning: false })
    expect(await get(port, '/healthz')).toMatchObject({ status: 200 })
    expect(await get(port, '/readyz')).toMatchObject({
      status: 503,
      text: 'archive: stopped\nsignaller: ok\n',
    })
    expect((await get(port, '/metrics')).text).toMatch(/^holdfast_archive_ready 0$/m)
  })

  test('[CLI-17] a page stops and starts the archive; what was written meanwhile arrives', async () => {
    const { port } = await up()
    const writer = await client(port, 'notes/n1').synced()
    expect(await post(port, { isRunning: false })).toEqual({
      status: 200,
      body: { isRunning: false },
    })
    await until(() => !writer.provider.wsconnected)
    writer.text.insert(0, 'meanwhile')
    // The signaller goes on.
    const peer = await SignalPeer.joined(port)
    toClose.push(() => peer.close())
    expect(await refusalOf(port, '/archive')).toBe(503)
    expect(await refusalOf(port, '/yjs/notes/n1')).toBe(503)
    // Both at once, in any order, leave it as the last one wanted.
    await Promise.all([post(port, { isRunning: true }), post(port, { isRunning: false })])
    expect(await post(port, { isRunning: true })).toEqual({
      status: 200,
      body: { isRunning: true },
    })
    const reader = client(port, 'notes/n1')
    await until(() => reader.words === 'meanwhile')
    expect(peer.closed).toBeUndefined()
  })

  test('[CLI-15] a second one on the same data, or the same port, is told what to do', async () => {
    const { port, process } = await up()
    const sameData = await holdfast(['up', '--port', '0'], { cwd })
    expect(sameData).toMatchObject({ code: 3, output: '' })
    expect(sameData.errors).toContain(`in use by process ${process.child.pid}`)
    expect(sameData.errors).toContain('take another folder: --data DIR')
    const samePort = await holdfast(['up', '--port', String(port), '--data', 'other'], { cwd })
    expect(samePort).toMatchObject({ code: 1, output: '' })
    expect(samePort.errors).toContain(`port ${port} of 127.0.0.1 is taken`)
    expect(samePort.errors).toContain(`--port ${port + 1}`)
    // Nothing of it is left: the folder is free.
    expect((await holdfast(['verify', 'other'], { cwd })).code).toBe(0)
    // Of the last one, Node's own way to make folders would never come back.
    for (const data of ['/dev/null', '/dev/null/x', '/proc/no/folder']) {
      const noFolder = await holdfast(['up', '--port', '0', '--data', data], { cwd })
      expect(noFolder).toMatchObject({ code: 2, output: '' })
      expect(noFolder.errors).toContain(`${data} cannot be the folder of the log, take another`)
      expect(noFolder.errors).not.toContain('    at ')
    }
  })

  test('[CLI-21] one secret keeps both doors, and a public address needs it', async () => {
    const secret = 'a secret of thirty-two bytes or more'
    const { port } = await up(['--host', '0.0.0.0'], { HOLDFAST_SECRET: secret })
    const token = await mintToken(
      { secret, access: { notes: 'write' }, expiresInMs: 3_600_000 },
      systemClock,
    )
    const stranger = client(port, 'notes/n1')
    await until(() => stranger.closed.length > 0)
    const writer = await client(port, 'notes/n1', token).synced()
    expect(writer.provider.synced).toBe(true)
    const peer = await SignalPeer.joined(port, { token })
    toClose.push(() => peer.close())
    expect(peer.of('joined')[0]?.access).toBe('write')
    const nobody = await new SignalPeer(port).opened()
    toClose.push(() => nobody.close())
    nobody.join()
    await until(() => nobody.of('error').length > 0)
    expect(nobody.of('error')[0]?.code).toBe('unauthenticated')
    // Whoever is not on this machine alone has no switch.
    expect((await get(port, '/demo/archive')).status).toBe(404)
  })

  test('[CLI-8] [CLI-11] takes its settings from the file that is there', async () => {
    const port = await freePort()
    const settings = { up: { port, data: 'elsewhere', page: 'off', 'log-level': 'info' } }
    await writeFile(join(cwd, 'holdfast.config.json'), JSON.stringify(settings))
    const process = start(['up'])
    await process.prints(/"msg":"listening"/)
    expect((await get(port, '/readyz')).status).toBe(200)
    const { code, output } = await process.end()
    expect(code).toBe(0)
    const lines = output
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg)
    expect(lines).toEqual(expect.arrayContaining(['listening', 'draining', 'closed']))
    expect(await readdir(cwd)).toContain('elsewhere')
  })
})

describe('holdfast inspect URL', () => {
  test('[CLI-18] is a line each time where nobody watches, and ends with 0 when told to', async () => {
    const { port } = await up()
    const inspecting = start(['inspect', `http://127.0.0.1:${port}`, '--every', '1s'])
    await inspecting.prints(/0 documents {2}0 rows/)
    const writer = await client(port, 'notes/n1').synced()
    writer.text.insert(0, 'seen')
    await inspecting.prints(/1 document {2}1 row /)
    // A server that is away for a while is said, and asked again.
    await post(port, { isRunning: false })
    await inspecting.prints(/does not answer, last seen/)
    await post(port, { isRunning: true })
    const { code, errors, output } = await inspecting.end('SIGINT')
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(output).not.toContain('\u001b')
  })

  test('[CLI-18] shows all of it once, also as JSON, and says why there is nothing to see', async () => {
    const { port } = await up()
    const writer = await client(port, 'notes/n1').synced()
    writer.text.insert(0, 'seen')
    const url = `ws://127.0.0.1:${port}/archive`
    await until(async () => {
      const { output } = await holdfast(['inspect', url, '--once'], { cwd })
      return /notes\/n1/.test(output)
    })
    const { output } = await holdfast(['inspect', url, '--json'], { cwd })
    expect(JSON.parse(output)).toMatchObject({ log: { counts: { documents: 1 } }, archive: {} })

    const nobody = `http://127.0.0.1:${await freePort()}`
    const silent = await holdfast(['inspect', nobody], { cwd })
    expect([silent.code, silent.errors]).toEqual([1, expect.stringContaining(words['no-answer'])])
    await post(port, { isRunning: false })
    const stopped = await holdfast(['inspect', `http://127.0.0.1:${port}`], { cwd })
    expect([stopped.code, stopped.errors]).toEqual([1, expect.stringContaining('is stopped')])
  })

  test('[CLI-18] from elsewhere it needs a token of an administrator', async () => {
    const secret = 'a secret of thirty-two bytes or more'
    const { port } = await up([], { HOLDFAST_SECRET: secret })
    // As through a proxy, whose host is not this machine.
    const url = `http://127.0.0.1:${port}`
    const mint = (access: 'admin' | 'write') =>
      mintToken({ secret, access: { '*': access }, expiresInMs: 60_000 }, systemClock)
    const asked = ['inspect', url, '--once']
    const writer = await holdfast(asked, { cwd, env: { HOLDFAST_TOKEN: await mint('write') } })
    expect([writer.code, writer.errors]).toEqual([1, expect.stringContaining(words['forbidden'])])
    const admin = await holdfast(asked, { cwd, env: { HOLDFAST_TOKEN: await mint('admin') } })
    expect([admin.code, admin.output]).toEqual([0, expect.stringContaining('No collections')])
  })
})

describe('holdfast backup and restore', () => {
  test('[TOOL-19] a backup of a running archive comes back in an empty place, and nowhere else', async () => {
    const { port, process } = await up()
    const writer = await client(port, 'notes/n1').synced()
    writer.text.insert(0, 'kept')
    await until(async () => /^holdfast_archive_rows 1$/m.test((await get(port, '/metrics')).text))
    expect(await holdfast(['backup', 'holdfast-data', 'monday.db'], { cwd })).toMatchObject({
      code: 0,
    })
    const over = await holdfast(['restore', 'monday.db', 'holdfast-data'], { cwd })
    expect([over.code, over.errors]).toEqual([2, expect.stringContaining('never overwritten')])
    writer.destroy()
    await process.end()
    const restored = await holdfast(['restore', 'monday.db', 'other'], { cwd })
    expect([restored.code, restored.output]).toEqual([
      0,
      expect.stringContaining('1 document, 1 entry'),
    ])
    const again = await up(['--data', 'other'])
    const reader = client(again.port, 'notes/n1')
    await until(() => reader.words === 'kept')
  })
})

interface Up {
  readonly port: number
  readonly process: HoldfastProcess
}

async function up(words: readonly string[] = [], env = {}): Promise<Up> {
  const process = start(['up', '--port', '0', ...words], env)
  const [, port] = await process.prints(/^ {2}health +http:\/\/127\.0\.0\.1:(\d+)\/readyz/m)
  // Its welcome is one piece.
  await process.prints(/Ctrl-C/)
  return { port: Number(port), process }
}

function start(words: readonly string[], env = {}): HoldfastProcess {
  const process = new HoldfastProcess(words, { cwd, env })
  toClose.push(() => process.kill())
  return process
}

function client(port: number, room: string, token?: string): YClient {
  const made = new YClient(`ws://127.0.0.1:${port}/yjs`, room, token === undefined ? {} : { token })
  toClose.push(() => made.destroy())
  return made
}

async function get(port: number, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, text: await response.text() }
}

async function post(port: number, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}/demo/archive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

/** The status with which an upgrade is refused. */
function refusalOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode)
      socket.terminate()
    })
    socket.on('open', () => (resolve(undefined), socket.terminate()))
    socket.on('error', () => {})
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}
