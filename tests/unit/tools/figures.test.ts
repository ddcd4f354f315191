/** The README's figures against bench/results.md: counts exactly, what a shared machine varies roughly. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './run.js'

const read = (name: string): string => readFileSync(join(root, name), 'utf8')

/** Row of the README, column, and where its figure stands in the results. */
const figures: readonly Figure[] = [
  ['messages for one edit among 8', 1, 'M1', /^messages on the wire/, 2, /^(\d+)/, 0],
  ['messages for one edit among 8', 2, 'M1', /^messages on the wire/, 3, /y-webrtc (\d+)/, 0],
  ['largest document over WebRTC', 1, 'M3', /^largest/, 2, /^(\d+) MiB/, 0],
  ['largest document over WebRTC', 2, 'M3', /^largest/, 3, /y-webrtc (\d+) KiB/, 0],
  ['signals for 8 who join', 1, 'M9', /^the same: signalling/, 2, /^([\d,]+)/, 0.2],
  ['signals for 8 who join', 2, 'M9', /^the same: signalling/, 3, /y-webrtc ([\d,]+)/, 0.2],
  ['a peer dies silently', 1, 'M6', /is frozen/, 2, /, ([\d.]+) s/, 0.3],
  ['a peer dies silently', 2, 'M6', /is frozen/, 3, /, ([\d.]+) s/, 0],
  ['a page gets bigger by', 1, 'M10-client', /./, 2, /^([\d.]+) kB/, 0.05],
  ['a page gets bigger by', 2, 'M10-client', /./, 3, /y-webrtc ([\d.]+) kB/, 0.05],
  ['edits a second of 16 writers', 1, 'A1', /^ops a second/, 2, /^([\d,]+)/, 0.75],
  ['edits a second of 16 writers', 3, 'A1-peers', /./, 3, /y-websocket ([\d,]+)/, 0.75],
  ['edits a second of 16 writers', 4, 'A1-peers', /./, 3, /Hocuspocus ([\d,]+)/, 0.75],
  ['60 open a document of 10 MB', 1, 'A4', /^60 clients/, 2, /^([\d.]+) s/, 0.75],
  ['60 open a document of 10 MB', 3, 'A4', /^60 clients/, 3, /y-websocket ([\d.]+) s/, 0.75],
  ['60 open a document of 10 MB', 4, 'A4', /^60 clients/, 3, /hocuspocus ([\d.]+) s/, 0.75],
  ['server time for an edit', 1, 'A2-peers', /./, 2, /^([\d.]+) µs/, 0.75],
  ['server time for an edit', 3, 'A2-peers', /./, 3, /y-websocket ([\d.]+)/, 0.75],
  ['server time for an edit', 4, 'A2-peers', /./, 3, /Hocuspocus ([\d.]+)/, 0.75],
]

type Figure = readonly [
  row: string,
  column: number,
  id: string,
  what: RegExp,
  cell: number,
  figure: RegExp,
  tolerance: number,
]

test.each(figures)(
  '[HOUSE-14] the README says of "%s" (column %i) what the bench has found',
  (row, column, id, what, cell, figure, tolerance) => {
    const said = numberIn(rowsOf('README.md').find(([first]) => first?.startsWith(row))?.[column])
    const measured = rowsOf('bench/results.md').filter(
      ([first, second]) => first === id && what.test(second ?? ''),
    )
    expect(measured.length).toBeGreaterThan(0)
    const [, found] = figure.exec(measured[0]?.[cell] ?? '') ?? []
    const value = numberIn(found)
    expect(
      Math.abs(said - value),
      `README says ${said}, bench/results.md ${value}`,
    ).toBeLessThanOrEqual(value * tolerance)
  },
)

function rowsOf(file: string): readonly (readonly string[])[] {
  return read(file)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.slice(2, -2).split(' | '))
}

function numberIn(text: string | undefined): number {
  const [digits] = /\d[\d,]*(?:\.\d+)?/.exec(text ?? '') ?? []
  expect(digits, `a figure in '${text ?? ''}'`).toBeDefined()
  return Number(digits?.replaceAll(',', ''))
}
