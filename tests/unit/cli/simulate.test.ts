import type { Terminal } from '@holdfast/command'
import { main } from 'holdfast'
import { expect, test } from 'vitest'
import { runOn, type Outcome } from '../command/listening-terminal.js'

test('[CLI-1] simulate shows a lossy mesh agree, says that it is a simulation, and ends with 0', async () => {
  const { code, output, errors } = await run(['simulate', '--seed', '7'])
  expect(code).toBe(0)
  expect(errors).toBe('')
  expect(output).toMatch(/^This is a simulation/)
  for (const act of ['typing', 'splits', 'crashes', 'heals', 'is back']) {
    expect(output).toContain(act)
  }
  const lost = /though (\d+) of (\d+) frames were lost/.exec(output)
  expect(Number(lost?.[1])).toBeGreaterThan(10)
  expect(Number(lost?.[2])).toBeGreaterThan(200)
  for (const phrase of ['Kelp drifts.', 'Peers gossip.', 'Rocks hold.', 'Nothing is lost.']) {
    expect(output.trim().split('\n').at(-1)).toContain(phrase)
  }
})

test('[CLI-1] the peers agree whatever the seed', async () => {
  for (let seed = 0; seed < 25; seed++) {
    const { code, errors } = await run(['simulate', `--seed=${seed}`])
    expect({ seed, code, errors }).toEqual({ seed, code: 0, errors: '' })
  }
})

test('[CLI-2] a run names its seed, and the seed gives the same run again', async () => {
  const first = await run(['simulate'])
  const seed = /--seed (\S+)/.exec(first.output)?.[1] ?? 'none'
  expect((await run(['simulate', '--seed', seed])).output).toBe(first.output)
  expect((await run(['simulate', '--seed', `${seed}1`])).output).not.toBe(first.output)
})

test('[CLI-3] where somebody watches, a picture moves in real time and fits the window', async () => {
  const { code, output, waitedMs } = await run(['simulate', '--seed', '7'], {
    isScreen: true,
    hasColours: true,
    columns: 60,
  })
  expect(code).toBe(0)
  expect(waitedMs).toBeGreaterThan(2_000)
  expect(waitedMs).toBeLessThan(10_000)
  const pictures = output.split(redraw)
  expect(pictures.length).toBeGreaterThan(50)
  const inner = pictures.slice(1, -1)
  expect(new Set(inner.map((picture) => picture.split('\n').length)).size).toBe(1)
  for (const line of inner.join('').split('\n')) {
    expect(line.replace(colour, '').length).toBeLessThan(60)
  }
  const shown = inner.join('')
  for (const state of ['cut', 'down', 'open', 'up  ', 'different']) expect(shown).toContain(state)
  expect(shown).toContain('•')
  expect(pictures.at(-1)).toContain('equal')
})

test('[CLI-3] a window too low for the picture, or no window, gets a log without escape codes', async () => {
  const low = await run(['simulate', '--seed', '7'], { isScreen: true, hasColours: true, rows: 10 })
  const none = await run(['simulate', '--seed', '7'])
  expect(low.output).toBe(none.output)
  expect(none.output).not.toContain('\u001b')
  expect(none.waitedMs).toBe(0)
})

/** Up to the first line of the last picture, and everything below it cleared. */
const redraw = new RegExp(String.raw`\u001b\[\d+A\u001b\[J`)
const colour = new RegExp(String.raw`\u001b\[\d+m`, 'g')

function run(given: readonly string[], terminal: Partial<Terminal> = {}): Promise<Outcome> {
  return runOn((world) => main(given, world), { terminal })
}
