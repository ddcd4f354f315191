/** docs/ERRORS.md against the closed lists of codes, and the codes of the servers that no other test meets. */
import { createArchive } from '@holdfast/archive'
import { consoleLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { createSignalServer } from '@holdfast/signal'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { folderWith, root } from './run.js'

const lists = [
  ['ClientError', 'client/src/errors.ts'],
  ['PeerError', 'peer/src/errors.ts'],
  ['AccessError', 'access/src/errors.ts'],
  ['SignalError', 'signal/src/errors.ts'],
  ['ArchiveError', 'archive/src/server/errors.ts'],
  ['LogError', 'archive/src/log/errors.ts'],
  ['HoldfastError', 'cli/src/errors.ts'],
] as const

const page = readFileSync(join(root, 'docs/ERRORS.md'), 'utf8')

test.each(lists)('[HOUSE-14] docs/ERRORS.md has each code of %s, and no other', (name, file) => {
  const source = readFileSync(join(root, file), 'utf8')
  const list = source.slice(source.indexOf(`export type ${name}Code =`)).split('\n\n')[0] ?? ''
  const codes = [...list.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(1)
  expect(rowsOf(name).map(({ code }) => code)).toEqual(codes)
})

test('[HOUSE-14] docs/ERRORS.md names a test that knows the code, for each', () => {
  const rows = lists.flatMap(([name]) => rowsOf(name))
  const named = rows.filter(({ file }) => file !== undefined)
  for (const { code, file = '' } of named) {
    expect(existsSync(join(root, 'docs', file))).toBe(true)
    expect([file, readFileSync(join(root, 'docs', file), 'utf8').includes(`'${code}'`)]).toEqual([
      file,
      true,
    ])
  }
  expect(named).toEqual(rows)
})

describe('what a server says instead of starting', () => {
  const world = { clock: systemClock, random: systemRandom, logger: consoleLogger }

  test('[CLI-15] the signaller: a port that is taken, an option that cannot be', async () => {
    const { port, free } = await takenPort()
    await expect(createSignalServer({ ...world, host: '127.0.0.1', port })).rejects.toMatchObject({
      name: 'SignalError',
      code: 'cannot-listen',
    })
    await expect(
      createSignalServer({ ...world, host: '127.0.0.1', port: 0, limits: { maxSockets: -1 } }),
    ).rejects.toMatchObject({ name: 'SignalError', code: 'bad-option' })
    free()
  })

  test('[CLI-15] the archive: a port that is taken, an option that cannot be', async () => {
    const { port, free } = await takenPort()
    const folder = folderWith({})
    await expect(
      createArchive({ ...world, folder, host: '127.0.0.1', port }),
    ).rejects.toMatchObject({ name: 'ArchiveError', code: 'cannot-listen' })
    await expect(
      createArchive({
        ...world,
        folder,
        host: '127.0.0.1',
        port: 0,
        limits: { server: { maxSockets: -1 } },
      }),
    ).rejects.toMatchObject({ name: 'ArchiveError', code: 'bad-option' })
    free()
  })
})

interface Row {
  readonly code: string
  readonly file: string | undefined
}

function rowsOf(name: string): readonly Row[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${name}\n`)) ?? ''
  return [...section.matchAll(/^\| `([a-z-]+)` +\|.*\| (?:\[[^\]]+\]\(([^)]+)\)|–) +\|$/gm)].map(
    ([, code = '', file]) => ({ code, file }),
  )
}

async function takenPort(): Promise<{ readonly port: number; readonly free: () => void }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  return { port, free: () => server.close() }
}
