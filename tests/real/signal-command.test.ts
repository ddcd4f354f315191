import { execFile } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { SignalPeer } from './signal-peer.js'
import { SignalProcess } from './signal-process.js'

const main = fileURLToPath(new URL('main.js', import.meta.resolve('@holdfast/signal')))
const secret = 'a secret of thirty-two bytes or more'
const toClose: (() => unknown)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0)) await close()
})

describe('holdfast-signal', () => {
  test('[SIG-30] explains itself', async () => {
    const { code, output } = await run(['--help'])
    expect(code).toBe(0)
    for (const word of [
      '--host',
      '--open',
      'HOLDFAST_SECRET_FILE',
      'token',
      'maxSockets',
      '4440',
    ]) {
      expect(output).toContain(word)
    }
  })

  test('[SIG-30] names what it does not take, in one line', async () => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['--nope'], 'nope'],
      [['--port', 'x'], 'port takes a whole number'],
      [['--limit', 'maxThings=3'], 'maxThings'],
      [['--secret-file', '/nowhere'], '/nowhere cannot be read'],
      [['--turn', 'turn:example.org'], 'turn-secret-file'],
      [['--host', '0.0.0.0'], 'give a secret'],
      [['token', '--collection', 'a=own'], 'unknown access'],
    ]
    const refused = await Promise.all(
      cases.map(async ([args, reason]) => {
        const env = args[0] === 'token' ? { HOLDFAST_SECRET: secret } : {}
        const { code, errors } = await run(args, env)
        return {
          code,
          lines: errors.trim().split('\n').length,
          names: errors.includes(reason),
          args,
        }
      }),
    )
    expect(refused).toEqual(cases.map(([args]) => ({ code: 2, lines: 1, names: true, args })))
    expect((await run(['token', '--collection', 'a=read'])).errors).toContain('secret-file')
    const short = await run([], { HOLDFAST_SECRET: 'short' })
    expect(short.errors).toContain('at least 32 bytes')
    expect(short.errors).not.toContain('short')
  })

  test('[SIG-30] mints tokens that its server takes, with the secret from a file or the environment', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'holdfast-secret-')), 'secret')
    await writeFile(file, `${secret}\n`)
    const args = ['token', '--collection', 'notes=write', '--expires', '5m', '--subject', 'ada']
    const { output: token } = await run(args, { HOLDFAST_SECRET: secret })
    const server = await started(['--secret-file', file, '--turn', 'turn:t.example.org'], {
      HOLDFAST_TURN_SECRET: 'north',
      HOLDFAST_STUN: 'stun:a.example.org, stun:b.example.org',
    })
    const peer = await SignalPeer.joined(server.port, { token: token.trim() })
    toClose.push(() => peer.close())
    const [joined] = peer.of('joined')
    expect(joined?.access).toBe('write')
    expect(joined?.expiresInMs).toBeGreaterThan(290_000)
    expect(joined?.iceServers[0]).toEqual({ urls: ['stun:a.example.org', 'stun:b.example.org'] })
    expect(joined?.iceServers[1]).toMatchObject({ urls: ['turn:t.example.org'] })
    const stranger = await new SignalPeer(server.port).opened()
    toClose.push(() => stranger.close())
    stranger.join()
    await stranger.until(() => stranger.of('error').length > 0)
    expect(stranger.of('error')[0]?.code).toBe('unauthenticated')
  })

  test('[SIG-25] says in one line what an open server means', async () => {
    const open = await started(['--host', '0.0.0.0', '--open'])
    const loopback = await started()
    // When it has ended, all of its log is there.
    await Promise.all([open.terminate(), loopback.terminate()])
    expect(open.log.map(({ msg }) => msg)).toContainEqual(
      'open: whoever reaches this server may join, read, write and administer every collection',
    )
    expect(loopback.log.map(({ msg }) => msg)).toContainEqual(expect.stringContaining('no secret'))
  })

  test('[SIG-28] drains on SIGTERM: tells when to come back, closes, and ends with 0', async () => {
    const server = await started(['--limit', 'closeMs=500'])
    const peers = await Promise.all(Array.from({ length: 5 }, () => SignalPeer.joined(server.port)))
    // One that does not answer holds nobody up.
    peers[0]?.socket.pause()
    expect(await server.terminate()).toBe(0)
    for (const peer of peers.slice(1)) {
      expect(await peer.whenClosed()).toEqual({ code: 4009, reason: 'going-away' })
      expect(peer.of('drain')).toHaveLength(1)
    }
    expect(server.log.map(({ msg }) => msg).slice(-2)).toEqual(['draining', 'closed'])
  })
})

async function started(args: readonly string[] = [], env = {}): Promise<SignalProcess> {
  const server = await SignalProcess.start(args, env)
  toClose.push(() => server.kill())
  return server
}

function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; output: string; errors: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env } }
    const child = execFile(process.execPath, [main, ...args], options, (_error, output, errors) => {
      resolve({ code: child.exitCode ?? -1, output, errors })
    })
  })
}
