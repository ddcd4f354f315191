/** What `holdfast up` serves beside the sockets: its page, and the page's switch. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { request, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { HoldfastError, OnePort } from 'holdfast'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

let folder = ''
let one: OnePort
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-page-'))
  const page = join(folder, 'page')
  await mkdir(join(page, 'assets'), { recursive: true })
  await mkdir(join(page, 'deep'))
  await mkdir(join(folder, 'page-beside'))
  const files = {
    'secret.txt': 'outside',
    'page-beside/index.html': 'outside',
    'page/index.html': '<title>front</title>',
    'page/deep/index.html': '<title>deep</title>',
    'page/assets/sql-wasm-B3xk8_2a.wasm': 'wasm',
    'page/assets/index-Dx81kz0A.js': 'code',
    'page/sw.js': 'worker',
    'page/.env': 'hidden',
    'page/ü b.txt': 'strange',
    'page/data.unknown': 'bytes',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  await symlink(join(folder, 'secret.txt'), join(page, 'link.txt'))
  await symlink(join(folder, 'page-beside'), join(page, 'linked'))
  one = await OnePort.start({ ...defaults, folder: join(folder, 'data'), page })
})
afterAll(async () => {
  await one.close()
  await rm(folder, { recursive: true, force: true })
})

const defaults = {
  host: '127.0.0.1',
  port: 0,
  clock: systemClock,
  random: systemRandom,
  loggers: { signal: silentLogger, archive: silentLogger },
}

describe('the page', () => {
  test.each([
    ['/', 'text/html; charset=utf-8', '<title>front</title>', 'no-cache'],
    ['/?a=b', 'text/html; charset=utf-8', '<title>front</title>', 'no-cache'],
    ['/deep/', 'text/html; charset=utf-8', '<title>deep</title>', 'no-cache'],
    ['/sw.js', 'text/javascript; charset=utf-8', 'worker', 'no-cache'],
    ['/assets/sql-wasm-B3xk8_2a.wasm', 'application/wasm', 'wasm', 'immutable'],
    ['/assets/index-Dx81kz0A.js', 'text/javascript; charset=utf-8', 'code', 'immutable'],
    ['/%C3%BC%20b.txt', 'text/plain; charset=utf-8', 'strange', 'no-cache'],
    ['/data.unknown', 'application/octet-stream', 'bytes', 'no-cache'],
  ])('[CLI-16] has %s as %s', async (path, type, text, caching) => {
    const { status, headers, body } = await ask(path)
    expect({ status, body }).toEqual({ status: 200, body: text })
    expect(headers['content-type']).toBe(type)
    expect(headers['content-length']).toBe(String(text.length))
    expect(headers['cache-control']).toContain(caching)
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['content-security-policy']).toContain(
      "default-src 'self'; script-src 'self' 'wasm-",
    )
    const again = await ask(path, { headers: { 'if-none-match': headers.etag ?? '' } })
    expect({ status: again.status, body: again.body }).toEqual({ status: 304, body: '' })
    const head = await ask(path, { method: 'HEAD' })
    expect({ status: head.status, body: head.body }).toEqual({ status: 200, body: '' })
  })

  test.each([
    ['/../secret.txt'],
    ['/%2e%2e/secret.txt'],
    ['/..%2fsecret.txt'],
    ['/deep/../../secret.txt'],
    ['/..%5csecret.txt'],
    ['/%2e%2e%2fpage-beside/index.html'],
    ['//etc/passwd'],
    ['/etc/passwd'],
    ['/link.txt'],
    ['/linked/'],
    ['/linked/index.html'],
    ['/.env'],
    ['/assets'],
    ['/nothing'],
    ['/%00'],
    ['/%ff'],
    ['/index.html%00.js'],
    ['/index.html/x'],
    [`/${'a'.repeat(5_000)}`],
  ])('[CLI-16] has nothing at %s', async (path) => {
    const { status, body } = await ask(path)
    expect({ status, body }).toEqual({ status: 404, body: 'not here\n' })
  })

  test('[CLI-16] is only read', async () => {
    const { status, headers } = await ask('/', { method: 'PUT' })
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  test('[CLI-13] paths of sockets are theirs, and a socket for nobody is refused at once', async () => {
    for (const path of ['/signal', '/y-webrtc', '/archive', '/yjs/notes/n1']) {
      expect([path, (await ask(path)).status]).toEqual([path, 426])
    }
    for (const path of ['/', '/nothing', '/signalx', '/yjsx', '/demo/archive']) {
      expect([path, await upgrade(path)]).toEqual([path, 404])
    }
    for (const path of ['/signal', '/y-webrtc', '/archive', '/yjs/notes/n1']) {
      expect([path, await upgrade(path)]).toEqual([path, 101])
    }
  })
})

describe('the switch', () => {
  const path = '/demo/archive'
  const json = { 'content-type': 'application/json' }

  test('[CLI-17] says whether the archive runs, and does nothing when it is so already', async () => {
    expect(await ask(path)).toMatchObject({ status: 200, body: '{"isRunning":true}\n' })
    const running = await ask(path, { method: 'POST', headers: json, body: '{"isRunning":true}' })
    expect(running).toMatchObject({ status: 200, body: '{"isRunning":true}\n' })
    const own = { ...json, origin: `http://127.0.0.1:${one.port}`, 'sec-fetch-site': 'same-origin' }
    expect(await ask(path, { headers: own })).toMatchObject({ status: 200 })
  })

  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['a page without origin', { origin: 'null' }],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another page of this machine', { 'sec-fetch-site': 'same-site' }],
    ['a name that leads here', { host: 'evil.example' }],
    [
      'a name that leads here, of the same origin',
      { host: 'evil.example', origin: 'http://evil.example' },
    ],
    ['a proxy', { 'x-forwarded-for': '192.0.2.1' }],
  ])('[CLI-17] is not for %s', async (_, headers) => {
    const given = { ...json, ...headers }
    for (const method of ['GET', 'POST']) {
      const { status, body } = await ask(path, {
        method,
        headers: given,
        body: method === 'POST' ? '{"isRunning":false}' : '',
      })
      expect({ status, body }).toEqual({ status: 403, body: '{"code":"forbidden"}\n' })
    }
    expect(one.isArchiveRunning).toBe(true)
  })

  test.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'isRunning=false', 415],
    ['text', { 'content-type': 'text/plain' }, '{"isRunning":false}', 415],
    ['no JSON', json, '{', 400],
    ['another question', json, '{"isRunning":0}', 400],
    ['nothing', json, '', 400],
    ['too much', json, `{"isRunning":false,"x":"${'a'.repeat(100_000)}"}`, 400],
  ])('[CLI-17] does not take %s', async (_, headers, body, expected) => {
    expect((await ask(path, { method: 'POST', headers, body })).status).toBe(expected)
    expect(one.isArchiveRunning).toBe(true)
  })

  test('[CLI-17] takes GET and POST', async () => {
    expect((await ask(path, { method: 'DELETE' })).status).toBe(405)
  })
})

describe('a start', () => {
  test('[CLI-21] at a public address without keys is refused, and leaves nothing', async () => {
    const refused = OnePort.start({ ...defaults, folder: join(folder, 'public'), host: '0.0.0.0' })
    await expect(refused).rejects.toThrow(HoldfastError)
    await expect(refused).rejects.toMatchObject({ code: 'open-refused' })
  })

  test('[CLI-15] at a port that is taken leaves nothing behind', async () => {
    const options = { ...defaults, folder: join(folder, 'second') }
    const taken = OnePort.start({ ...options, port: one.port })
    await expect(taken).rejects.toMatchObject({ code: 'cannot-listen' })
    const free = await OnePort.start(options)
    expect(free.hasPage).toBe(false)
    await free.close()
    // Again is nothing.
    await free.close()
    expect(free.isArchiveRunning).toBe(false)
  })
})

interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Told {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** The path goes as it is: `fetch` would put it in order first. */
function ask(
  path: string,
  { method = 'GET', headers = {}, body = '' }: Asking = {},
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: '127.0.0.1', port: one.port, path, method, headers, agent: false },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => void (text += chunk))
        response.on('end', () => {
          resolve({ status: response.statusCode, headers: response.headers, body: text })
        })
      },
    )
    asking.on('error', reject)
    asking.end(body)
  })
}

/** 101, or the status of the refusal. */
function upgrade(path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${one.port}${path}`)
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode)
      socket.terminate()
    })
    socket.on('open', () => {
      resolve(101)
      socket.terminate()
    })
    socket.on('error', () => {})
  })
}
