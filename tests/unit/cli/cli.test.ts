import { systemClock } from '@holdfast/peer/ports'
import { createTokenVerifier } from '@holdfast/signal'
import { main, type Terminal } from 'holdfast'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

test('[CLI-1] up shows a lossy mesh agree, says that there is no archive server yet, and ends with 0', async () => {
  const { code, output, errors } = await run(['up', '--seed', '7'])
  expect(code).toBe(0)
  expect(errors).toBe('')
  expect(output).toMatch(/^There is no archive server yet/)
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
    const { code, errors } = await run(['up', `--seed=${seed}`])
    expect({ seed, code, errors }).toEqual({ seed, code: 0, errors: '' })
  }
})

test('[CLI-2] a run names its seed, and the seed gives the same run again', async () => {
  const first = await run(['up'])
  const seed = /--seed (\S+)/.exec(first.output)?.[1] ?? 'none'
  expect((await run(['up', '--seed', seed])).output).toBe(first.output)
  expect((await run(['up', '--seed', `${seed}1`])).output).not.toBe(first.output)
})

test('[CLI-3] where somebody watches, a picture moves in real time and fits the window', async () => {
  const { code, output, sleptMs } = await run(['up', '--seed', '7'], {
    isLive: true,
    hasColours: true,
    columns: 60,
  })
  expect(code).toBe(0)
  expect(sleptMs).toBeGreaterThan(2_000)
  expect(sleptMs).toBeLessThan(10_000)
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
  const low = await run(['up', '--seed', '7'], { isLive: true, hasColours: true, rows: 10 })
  const none = await run(['up', '--seed', '7'])
  expect(low.output).toBe(none.output)
  expect(none.output).not.toContain('\u001b')
  expect(none.sleptMs).toBe(0)
})

test('[CLI-4] help says what there is, and no command is a request for help', async () => {
  const help = await run(['--help'])
  expect(help).toMatchObject({ code: 0, errors: '' })
  expect(help.output).toContain('holdfast up')
  expect(help.output).toContain('--seed')
  for (const asked of [[], ['help'], ['-h'], ['up', '--help']]) {
    expect((await run(asked)).output).toBe(help.output)
  }
  expect((await run(['--version'])).output).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('[CLI-5] a slip is answered with what was meant, on stderr, with 2', async () => {
  for (const [given, answer] of [
    [['upp'], "There is no command 'upp'. Did you mean 'up'?"],
    [['down'], "There is no command 'down'.\n"],
    [['up', '--sed', '3'], "There is no option '--sed'. Did you mean '--seed'?"],
    [['up', '-s'], "There is no option '-s'.\n"],
    [['up', '--seed'], '--seed takes a number or a word, as in: holdfast up --seed 7'],
    [['up', '--seed='], '--seed takes a number or a word'],
    [['up', '--seed', '--help'], '--seed takes a number or a word'],
    [['up', 'now'], "'holdfast up' takes nothing more, and got 'now'."],
    [['--seed', '3'], '--seed belongs to: holdfast up'],
    [['\u001b[31mred'], "There is no command '?[31mred'."],
  ] as const) {
    const { code, output, errors } = await run(given)
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(errors).toContain(answer)
    expect(errors).toContain('holdfast --help')
    expect(errors).not.toContain('\u001b')
  }
})

test('[CLI-6] the program runs from a shell, and its exit code tells how it went', async () => {
  const up = await shellWith(['up', '--seed', '7'])
  expect(up).toMatchObject({ code: 0, output: (await run(['up', '--seed', '7'])).output })
  expect(await shellWith(['nonsense'])).toMatchObject({ code: 2, output: '' })
})

test('[CLI-6] a reader that has seen enough of the output is no failure', async () => {
  const child = spawn(process.execPath, [program(), 'up', '--seed', '7'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (text: Buffer) => void (errors += text.toString()))
  child.stdout.destroy()
  const [code] = (await once(child, 'close')) as [number | null]
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
})

test('[CLI-7] token mints what the signalling server takes, and says what it needs', async () => {
  const secret = 'a secret of at least thirty-two bytes'
  const env = { ...process.env, HOLDFAST_SECRET: secret }
  const minted = await shellWith(['token', '--collection', 'notes/*=read', '--expires', '15m'], env)
  expect(minted).toMatchObject({ code: 0, errors: '' })
  const verifier = await createTokenVerifier({ secret }, systemClock)
  const verified = await verifier.verify(minted.output.trim())
  expect(verified.ok).toBe(true)

  const bare = await shellWith(['token', '--collection', 'notes/*=read'], {
    PATH: process.env['PATH'],
  })
  expect(bare).toMatchObject({ code: 1, output: '' })
  expect(bare.errors).toMatch(/^holdfast token: .*secret/)
})

/** Up to the first line of the last picture, and everything below it cleared. */
const redraw = new RegExp(String.raw`\u001b\[\d+A\u001b\[J`)
const colour = new RegExp(String.raw`\u001b\[\d+m`, 'g')

interface Outcome {
  readonly code: number
  readonly output: string
  readonly errors: string
  readonly sleptMs: number
}

/** Runs the command line in this process, on a terminal that listens and never waits. */
async function run(given: readonly string[], terminal: Partial<Terminal> = {}): Promise<Outcome> {
  let output = ''
  let errors = ''
  let sleptMs = 0
  const code = await main(given, {
    isLive: false,
    hasColours: false,
    columns: 80,
    rows: 24,
    ...terminal,
    write: (text) => void (output += text),
    writeError: (text) => void (errors += text),
    sleep: async (ms) => void (sleptMs += ms),
  })
  return { code, output, errors, sleptMs }
}

/** Runs the program itself, in a process of its own. */
function shellWith(given: readonly string[], env = process.env) {
  return new Promise<{ code: unknown; output: string; errors: string }>((resolve) => {
    execFile(process.execPath, [program(), ...given], { env }, (error, output, errors) =>
      resolve({ code: error === null ? 0 : error.code, output, errors }),
    )
  })
}

function program(): string {
  return join(dirname(createRequire(import.meta.url).resolve('holdfast')), 'main.js')
}
