/** The files of `deploy/`: nginx and Caddy with TLS in front of the command that the systemd unit runs. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { request as requestByTls } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client } from '@holdfast/client'
import { nodeStore } from '@holdfast/client/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { root } from '../unit/tools/run.js'
import { until } from './archive-server.js'
import { holdfast, HoldfastProcess } from './tools/holdfast.js'

const deploy = (name: string): string => readFileSync(join(root, 'deploy', name), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-nginx-'))
// nginx' workers have no rights of their own.
chmodSync(folder, 0o755)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const noNginx = whyNot('nginx', '-v')
if (noNginx !== undefined) console.warn(`nginx is not tried: ${noNginx}`)

describe.skipIf(noNginx !== undefined)('behind nginx', () => {
  const secretFile = join(folder, 'secret')
  const clients: Client[] = []
  let up: HoldfastProcess
  let nginx: ChildProcess
  let ports = { http: 0, https: 0 }
  let ca = ''
  let token = ''

  beforeAll(async () => {
    writeFileSync(secretFile, 'a secret of thirty-two bytes or more', { mode: 0o600 })
    up = new HoldfastProcess(wordsOfUnit(secretFile), { cwd: folder })
    const port = await portOf(up)
    const minted = await holdfast(
      ['token', '--collection', 'notes=write', '--expires', '15m', '--secret-file', secretFile],
      { cwd: folder },
    )
    token = minted.output.trim()
    ca = makeCertificate(folder)
    ports = { http: await freePort(), https: await freePort() }
    writeFileSync(join(folder, 'nginx.conf'), settings(port, ports))
    nginx = spawn('nginx', ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    await until(async () => (await statusOf('/healthz').catch(() => 0)) === 200)
  }, 60_000)
  afterAll(async () => {
    for (const client of clients) await client.close()
    nginx.kill('SIGTERM')
    if (nginx.exitCode === null) await once(nginx, 'exit')
    await up.end()
  })

  test('[CLI-22] two clients sync through wss, with tokens, and by the archive', async () => {
    const [ada, bob] = [await client('ada'), await client('bob')]
    const adas = await (await ada.collection('notes')).open('one')
    const bobs = await (await bob.collection('notes')).open('one')
    adas.ydoc.getText('body').insert(0, 'through nginx')
    await adas.whenArchived({ signal: AbortSignal.timeout(30_000) })
    await until(() => bobs.ydoc.getText('body').toJSON() === 'through nginx')
    // The signaller's door, too: direct links and relays begin there.
    await until(async () => (await metric('holdfast_signal_sockets')) === 2)
    expect(await metric('holdfast_archive_sockets')).toBe(2)
  }, 60_000)

  test('[CLI-22] a client without a token, or on another page, stays outside', async () => {
    expect(await upgrade({})).toBe(4420)
    expect(await upgrade({ token, origin: 'https://elsewhere.example.org' })).toBe(403)
    expect(await upgrade({ token, origin: 'https://app.example.org' })).toBe(101)
  })

  test('[CLI-22] plain HTTP is sent to HTTPS, metrics are not shown, tokens are not logged', async () => {
    const { statusCode, headers } = await plain(ports.http, '/a?b=c')
    expect([statusCode, headers.location]).toEqual([301, 'https://localhost/a?b=c'])
    expect(await statusOf('/metrics')).toBe(404)
    expect(await statusOf('/archive/metrics')).toBe(404)
    expect(await statusOf('/readyz?token=not-to-be-logged')).toBe(200)
    await until(() =>
      readFileSync(join(folder, 'access.log'), 'utf8').includes('"GET /readyz" 200'),
    )
    expect(readFileSync(join(folder, 'access.log'), 'utf8')).not.toMatch(/not-to-be-logged|token/)
  })

  async function client(name: string): Promise<Client> {
    const made = await createClient({
      store: nodeStore(join(folder, `${name}.db`)),
      server: `wss://localhost:${ports.https}`,
      token: () => token,
      rtc: false,
      WebSocket: trusting(ca),
    })
    clients.push(made)
    return made
  }

  function statusOf(path: string): Promise<number | undefined> {
    return statusAt(ports.https, ca, path)
  }

  /** 101 if it is let in, else the status or the close code that it gets. */
  function upgrade(how: { readonly token?: string; readonly origin?: string }): Promise<number> {
    return new Promise((resolve, reject) => {
      const query = how.token === undefined ? '' : `?token=${how.token}`
      const url = `wss://localhost:${ports.https}/yjs/notes/one${query}`
      const headers = how.origin === undefined ? {} : { origin: how.origin }
      const socket = new WebSocket(url, { ca, headers })
      socket.on('message', () => {
        socket.terminate()
        resolve(101)
      })
      socket.on('close', resolve)
      socket.on('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode))
      socket.on('error', reject)
    })
  }

  async function metric(name: string): Promise<number> {
    const answer = await plain(await portOf(up), '/metrics')
    let text = ''
    for await (const chunk of answer.setEncoding('utf8')) text += String(chunk)
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
  }
})

const noCaddy = whyNot('caddy', 'version')
if (noCaddy !== undefined) console.warn(`Caddy is not tried: ${noCaddy}`)

describe.skipIf(noCaddy !== undefined)('behind Caddy', () => {
  const home = join(folder, 'caddy')
  const secretFile = join(home, 'secret')
  let up: HoldfastProcess
  let caddy: ChildProcess
  let port = 0
  let ca = ''
  let token = ''

  beforeAll(async () => {
    mkdirSync(home)
    writeFileSync(secretFile, 'a secret of thirty-two bytes or more', { mode: 0o600 })
    up = new HoldfastProcess(wordsOfUnit(secretFile, home), { cwd: home })
    const behind = await portOf(up)
    const words = ['token', '--collection', 'notes=write', '--secret-file', secretFile]
    token = (await holdfast(words, { cwd: home })).output.trim()
    ca = makeCertificate(home)
    port = await freePort()
    writeFileSync(join(home, 'Caddyfile'), caddyfile(behind, port, home))
    caddy = spawn('caddy', ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], {
      cwd: home,
      stdio: 'ignore',
      env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    })
    await until(async () => {
      if (caddy.exitCode !== null) throw new Error(`Caddy ended with ${caddy.exitCode}`)
      return (await statusAt(port, ca, '/healthz').catch(() => 0)) === 200
    })
  }, 60_000)
  afterAll(async () => {
    caddy.kill('SIGTERM')
    if (caddy.exitCode === null) await once(caddy, 'exit')
    await up.end()
  })

  test('[CLI-22] a client syncs through wss with its token, and metrics are not shown', async () => {
    const ada = await createClient({
      store: nodeStore(join(home, 'ada.db')),
      server: `wss://localhost:${port}`,
      token: () => token,
      rtc: false,
      WebSocket: trusting(ca),
    })
    try {
      const note = await (await ada.collection('notes')).open('one')
      note.ydoc.getText('body').insert(0, 'through Caddy')
      await note.whenArchived({ signal: AbortSignal.timeout(30_000) })
      expect(ada.status.reach).toBe('archive')
    } finally {
      await ada.close()
    }
    expect(await statusAt(port, ca, '/metrics')).toBe(404)
    expect(await statusAt(port, ca, '/archive/metrics')).toBe(404)
    expect(await statusAt(port, ca, '/readyz')).toBe(200)
  }, 60_000)
})

/** The file as it is, with what belongs to a machine changed, and a certificate of the test's own. */
function caddyfile(behind: number, port: number, home: string): string {
  const tls = `\ttls ${join(home, 'certificate.pem')} ${join(home, 'key.pem')}\n`
  const changes = [
    ['sync.example.org {\n', `localhost:${port} {\n\tbind 127.0.0.1\n${tls}`],
    ['reverse_proxy 127.0.0.1:4440', `reverse_proxy 127.0.0.1:${behind}`],
  ] as const
  let site = deploy('Caddyfile')
  for (const [from, to] of changes) {
    if (!site.includes(from)) throw new Error(`deploy/Caddyfile has no ${from}`)
    site = site.replace(from, to)
  }
  return `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`
}

const hasSystemd = finds('systemd-analyze')
if (!hasSystemd) console.warn('the systemd unit is not tried: there is no systemd-analyze')

test.skipIf(!hasSystemd)('[CLI-23] systemd takes the unit, and finds little to expose', () => {
  const unit = join(folder, 'holdfast.service')
  writeFileSync(unit, deploy('holdfast.service').replace('/usr/bin/node', process.execPath))
  const options = { encoding: 'utf8', stdio: 'pipe' } as const
  expect(execFileSync('systemd-analyze', ['verify', '--man=no', unit], options)).toBe('')
  const told = execFileSync('systemd-analyze', ['security', '--offline=true', unit], options)
  const [, exposure] = /exposure level for holdfast\.service: ([\d.]+)/.exec(told) ?? []
  expect(Number(exposure)).toBeLessThanOrEqual(2)
})

function statusAt(port: number, ca: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = requestByTls({ host: 'localhost', port, path, ca }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.on('error', reject).end()
  })
}

function makeCertificate(home: string): string {
  const [key, certificate] = [join(home, 'key.pem'), join(home, 'certificate.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', key, '-out', certificate, '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...kind, ...name, ...files], { stdio: 'ignore' })
  return readFileSync(certificate, 'utf8')
}

/** What the unit runs, in this folder and on a free port. */
function wordsOfUnit(secretFile: string, home = folder): readonly string[] {
  const [, command = ''] =
    /^ExecStart=\S+ \S+ ((?:.*\\\n)*.*)$/m.exec(deploy('holdfast.service')) ?? []
  const words = command
    .replaceAll('\\\n', ' ')
    .replace('${STATE_DIRECTORY}', join(home, 'data'))
    .replace('${CREDENTIALS_DIRECTORY}/secret', secretFile)
  return [...words.split(/\s+/), '--port', '0']
}

async function portOf(up: HoldfastProcess): Promise<number> {
  const [, port] = await up.prints(/"port":(\d+)|127\.0\.0\.1:(\d+)/)
  return Number(port)
}

/** The file as it is, with what belongs to a machine changed, in what Debian's nginx.conf has around it. */
function settings(port: number, ports: { readonly http: number; readonly https: number }): string {
  const changes = [
    ['127.0.0.1:4440', `127.0.0.1:${port}`],
    ['listen 80;', `listen 127.0.0.1:${ports.http};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${ports.https} ssl;`],
    ['/etc/letsencrypt/live/sync.example.org/fullchain.pem', join(folder, 'certificate.pem')],
    ['/etc/letsencrypt/live/sync.example.org/privkey.pem', join(folder, 'key.pem')],
    ['/var/log/nginx/holdfast.log', join(folder, 'access.log')],
  ] as const
  let site = deploy('nginx.conf').replaceAll('sync.example.org;', 'localhost;')
  for (const [from, to] of changes) {
    if (!site.includes(from)) throw new Error(`deploy/nginx.conf has no ${from}`)
    site = site.replaceAll(from, to)
  }
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join('\n')
  return `daemon off;\npid ${folder}/nginx.pid;\nevents {}\nhttp {\n${places}\n${site}\n}\n`
}

function plain(port: number, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { host: 'localhost' } }, resolve)
      .on('error', reject)
      .end()
  })
}

/** WebSockets that trust one certificate besides. */
function trusting(ca: string): typeof WebSocket {
  return class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols, { ca })
    }
  } as typeof WebSocket
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Why a program is not here; undefined if it is. Installs Debian's where it may. */
function whyNot(program: 'nginx' | 'caddy', argument: string): string | undefined {
  if (finds(program, argument)) return undefined
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return `it is not installed (on Debian: apt-get install ${program})`
  }
  try {
    execFileSync('apt-get', ['install', '--yes', '--no-install-recommends', program], {
      stdio: 'ignore',
      // The second keeps Debian from starting it.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      timeout: 60_000,
    })
  } catch (error) {
    return `it cannot be installed: ${(error as Error).message.split('\n')[0]}`
  }
  return finds(program, argument) ? undefined : `apt-get has installed no ${program}`
}

function finds(program: string, argument = '--version'): boolean {
  try {
    execFileSync(program, [argument], { stdio: 'ignore' })
    return true
  } catch (error) {
    // Only what is not there is missing: some versions end with a code.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}
