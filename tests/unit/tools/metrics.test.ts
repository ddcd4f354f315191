/** docs/METRICS.md and the alerts of docs/OPERATIONS.md against what running servers tell. */
import { createArchive } from '@holdfast/archive'
import { consoleLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { createSignalServer } from '@holdfast/signal'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { root } from './run.js'

const read = (name: string): string => readFileSync(join(root, 'docs', name), 'utf8')
let told: readonly string[] = []

beforeAll(async () => {
  const world = { clock: systemClock, random: systemRandom, logger: consoleLogger }
  const here = { ...world, host: '127.0.0.1', port: 0 }
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-metrics-'))
  const archive = await createArchive({ ...here, folder })
  const signal = await createSignalServer({ ...here, processMetrics: true })
  const text = (await archive.metrics()) + (await signal.metrics())
  await Promise.all([archive.close(), signal.close()])
  rmSync(folder, { recursive: true })
  told = [...text.matchAll(/^# HELP (\S+)/gm)].map(([, name = '']) => name)
}, 60_000)

test('[HOUSE-14] docs/METRICS.md names each metric of both servers, and no other', () => {
  const named = [...read('METRICS.md').matchAll(/^\| `(\S+)` +\|/gm)].map(([, name]) => name)
  expect(named.length).toBeGreaterThan(50)
  const own = told.filter((name) => name.startsWith('holdfast_'))
  expect(new Set(named)).toEqual(new Set(own))
})

test('[HOUSE-14] every metric on which docs/OPERATIONS.md would alert is there', () => {
  const [, part = ''] = /^### What to watch$(.*?)^### /ms.exec(read('OPERATIONS.md')) ?? []
  const names = [...part.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].flatMap(
      ([, code = '']) => code.match(/[a-z0-9]+(?:_[a-z0-9]+)+|^[a-z]+$/g) ?? [],
    ),
  )
  expect(names.length).toBeGreaterThan(15)
  const labels = ['at', 'code']
  const unknown = names
    .filter((name) => !labels.includes(name))
    .filter((name) => !told.includes(name) && !told.includes(`holdfast_archive_${name}`))
  expect(unknown).toEqual([])
})
