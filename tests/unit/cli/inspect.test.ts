import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import type { CollectionName } from '@holdfast/peer/protocol'
import { main, OnePort } from 'holdfast'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { runOn, type Outcome } from '../command/listening-terminal.js'

let folder = ''
let one: OnePort
const others: Server[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-inspect-'))
  one = await OnePort.start({
    folder,
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    random: systemRandom,
    loggers: { signal: silentLogger, archive: silentLogger },
  })
})
afterEach(() => {
  for (const server of others.splice(0)) server.close()
})
afterAll(async () => {
  await one.close()
  await rm(folder, { recursive: true, force: true })
})

test('[CLI-18] on a terminal it is drawn anew in place, as wide and as high as the window is', async () => {
  const url = `http://127.0.0.1:${one.port}`
  const { code, output, errors } = await watchOn(url, 3, { columns: 50, rows: 8 })
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  const [before, ...pictures] = output.split('\u001b[H\u001b[J')
  expect(before).toBe('')
  expect(pictures).toHaveLength(3)
  for (const picture of pictures) {
    const lines = picture.split('\n')
    expect(lines.length).toBeLessThanOrEqual(8)
    for (const line of lines) expect(line.length).toBeLessThan(50)
    expect(picture).toContain(url)
    expect(picture).toContain('0 peers')
  }
  // From the second one on there is something to compare with.
  expect(pictures[0]).toContain('ops – /s')
  expect(pictures[2]).toContain('ops 0.0 /s')
})

test('[CLI-18] [CLI-24] it shows what the archive follows, and whose rooms it is in', async () => {
  const other = await mkdtemp(join(tmpdir(), 'holdfast-inspect-'))
  const follower = await OnePort.start({
    folder: other,
    host: '127.0.0.1',
    port: 0,
    archive: {
      follow: { url: `ws://127.0.0.1:${one.port}/archive` },
      signal: { urls: [`ws://127.0.0.1:${one.port}/signal`] },
      collections: ['notes' as CollectionName],
    },
    clock: systemClock,
    random: systemRandom,
    loggers: { signal: silentLogger, archive: silentLogger },
  })
  try {
    const url = `http://127.0.0.1:${follower.port}`
    const { code, output } = await watchOn(url, 1, { columns: 200, rows: 50 })
    expect(code).toBe(0)
    expect(output).toMatch(/^follows 1 collection, \d live, \d entries behind$/m)
    expect(output).toMatch(/^in \d of 1 room of 1 signaller, with 0 links$/m)
  } finally {
    await follower.close()
    await rm(other, { recursive: true, force: true })
  }
})

test.each([
  ['not JSON', 200, 'hello', 'does not answer as an archive (200)'],
  ['something else', 200, '{"log":{"collections":1}}', 'does not answer as an archive (200)'],
  [
    'a refusal',
    400,
    '{"code":"malformed","detail":"admin: why"}',
    'refuses: malformed, admin: why',
  ],
  ['a wall', 403, '{}', 'takes a token with admin'],
])('[CLI-18] a server that answers %s is told apart', async (_, status, body, expected) => {
  const server = createServer((_request, response) => response.writeHead(status).end(body))
  others.push(server)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const { code, output, errors } = await watchOn(`http://127.0.0.1:${port}`, 1)
  expect([code, output, errors]).toEqual([1, '', expect.stringContaining(expected)])
})

/** Until so much has been written: then somebody has seen enough. */
function watchOn(url: string, writes: number, window = {}): Promise<Outcome> {
  let interrupt: (() => void) | undefined
  let written = 0
  return runOn((world) => main(['inspect', url], world), {
    terminal: {
      isScreen: true,
      ...window,
      onInterrupt(listener) {
        interrupt = listener
        return () => {}
      },
    },
    onWrite: () => {
      if (++written === writes) interrupt?.()
    },
  })
}
