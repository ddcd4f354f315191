import { systemClock } from '@holdfast/peer/ports'
import { createTokenVerifier } from '@holdfast/signal'
import { main } from 'holdfast'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { runOn, type Outcome } from '../command/listening-terminal.js'

const names = ['up', 'doctor', 'signal', 'archive', 'token', 'inspect', 'verify', 'backup'].concat([
  'restore',
  'export',
  'import',
  'compact',
  'simulate',
])

test('[CLI-4] help says what there is, and no command is a request for help', async () => {
  const help = await run(['--help'])
  expect(help).toMatchObject({ code: 0, errors: '' })
  for (const name of names) expect(help.output).toMatch(new RegExp(`^  holdfast ${name} `, 'm'))
  const listed = [...help.output.matchAll(/^ {2}holdfast ([a-z]+) .*/gm)].map(([, name]) => name)
  expect(new Set(listed)).toEqual(new Set(names))
  for (const asked of [[], ['help'], ['-h']]) expect((await run(asked)).output).toBe(help.output)
  expect((await run(['--version'])).output).toBe('1.2.3\n')
})

test.each(names)('[CLI-4] %s explains itself, with examples that it understands', async (name) => {
  const { code, output, errors } = await run([name, '--help'])
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  expect((await run(['help', name])).output).toBe(output)
  for (const line of output.split('\n')) expect(line.trimEnd()).toBe(line)
  for (const common of ['--config FILE', '--help', 'Examples']) expect(output).toContain(common)
  const whole = output.replaceAll(/ \\\n +/g, ' ')
  const examples = [...whole.matchAll(/^ {2}holdfast (.*)$/gm)].map(([, line]) => line ?? '')
  expect(examples.length).toBeGreaterThan(0)
  for (const example of examples) {
    const words = wordsOf(example)
    expect(words[0]).toBe(name)
    // Behind the last of its words anything is one too many: all before it was understood.
    const { code, errors } = await run([...words, '--no-such-option'])
    expect([example, code, errors]).toEqual([
      example,
      2,
      expect.stringContaining(`'${name}' has no option '--no-such-option'`),
    ])
  }
})

test('[CLI-4] help fits a window of a hundred columns, options and examples included', async () => {
  for (const name of [undefined, ...names]) {
    const { output } = await run(name === undefined ? ['--help'] : [name, '--help'])
    expect(output.split('\n').filter((line) => line.length > 100)).toEqual([])
  }
})

test.each(names)('[CLI-4] %s: every option that it names is one that it takes', async (name) => {
  const { output } = await run([name, '--help'])
  const options = [...output.matchAll(/^ {2}--([a-z-]+)( [A-Z|=]+)? /gm)]
  expect(options.length).toBeGreaterThan(1)
  for (const [, option, value] of options) {
    if (option === 'help') continue
    const given = value === undefined ? [`--${option}`] : [`--${option}`, 'x']
    const { errors } = await run([name, ...given, '--no-such-option'])
    expect(errors).toContain(`'${name}' has no option '--no-such-option'`)
  }
})

test('[CLI-5] a slip is answered with what was meant, on stderr, with 2', async () => {
  for (const [given, answer] of [
    [['upp'], "There is no command 'upp'. Did you mean 'up'? See: holdfast --help\n"],
    [['down'], "There is no command 'down'. See: holdfast --help\n"],
    [
      ['up', '--prot', '3'],
      "'up' has no option '--prot'. Did you mean '--port'? See: holdfast up --help\n",
    ],
    [['up', '-s'], "'up' has no option '-s'. See"],
    [['up', '--port'], '--port needs N, as in: --port 10'],
    [['up', '--port='], '--port needs N'],
    [['up', '--follow', 'http://x'], '--follow takes a ws:// or wss:// address, not http://x'],
    [['up', '--signal', 'ws:x'], '--signal takes a ws:// or wss:// address, not ws:x'],
    [['up', '--collection', ''], '--collection'],
    [['up', '--port', 'x'], "--port takes a whole number; it got 'x'"],
    [['up', '--limit', 'signal.maxScokets=1'], "Did you mean 'signal.maxSockets'?"],
    [['up', '--limit', 'log.ripeRow=1'], "Did you mean 'log.ripeRows'?"],
    [['up', '--log-level', 'loud'], "There is no log level 'loud'"],
    [['up', '--host', '0.0.0.0'], 'host 0.0.0.0 can be reached by others'],
    [['up', '--turn', 'turn:t.example.org'], '--turn needs --turn-secret-file FILE'],
    [['up', '--secret', 'x'], 'give --secret-file FILE or HOLDFAST_SECRET'],
    [['up', 'now'], "'up' takes no name and nothing more; it got 'now', too."],
    [['simulate', '--seed', '--help='], '--seed takes a number or a word'],
    [['simulate', '--seed', 'a b'], '--seed takes a number or a word'],
    [['--seed', '3'], "There is no option '--seed'."],
    [['inspect', 'http://'], 'is no address'],
    [['restore', 'none.db', 'x'], "There is no log 'none.db'"],
    [['archive', '--data', 'x', '--path', 'sync'], '--path takes a path'],
    [['token'], 'token needs --secret-file FILE or HOLDFAST_SECRET'],
    [['\u001b[31mred'], "There is no command '?[31mred'."],
  ] as const) {
    const { code, output, errors } = await run(given)
    expect([given, code, output, errors]).toEqual([given, 2, '', expect.stringContaining(answer)])
    expect(errors.trim().split('\n')).toHaveLength(1)
    expect(errors).not.toContain('\u001b')
  }
})

test('[CLI-6] the program runs from a shell, and its exit code tells how it went', async () => {
  const seeded = ['simulate', '--seed', '7']
  const shown = await shellWith(seeded)
  expect(shown).toMatchObject({ code: 0, output: (await run(seeded)).output })
  expect(await shellWith(['nonsense'])).toMatchObject({ code: 2, output: '' })
})

test('[CLI-6] a reader that has seen enough of the output is no failure', async () => {
  const child = spawn(process.execPath, [program(), 'simulate', '--seed', '7'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (text: Buffer) => void (errors += text.toString()))
  child.stdout.destroy()
  const [code] = (await once(child, 'close')) as [number | null]
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
})

test('[CLI-7] token mints what the servers take, and says what it needs', async () => {
  const secret = 'a secret of at least thirty-two bytes'
  const words = ['token', '--collection', 'notes/*=read', '--collection', 'a,b=write']
  const minted = await run([...words, '--expires', '15m'], { HOLDFAST_SECRET: secret })
  expect(minted).toMatchObject({ code: 0, errors: '' })
  const verifier = await createTokenVerifier({ secret }, systemClock)
  const verified = await verifier.verify(minted.output.trim())
  expect(verified.ok && verified.value.accessTo('a,b' as never)).toBe('write')
  expect(verified.ok && verified.value.accessTo('notes/x' as never)).toBe('read')

  for (const [given, answer] of [
    [['token'], 'needs --collection'],
    [['token', '--collection', 'notes'], "--collection takes GLOB=ACCESS; it got 'notes'"],
    [['token', '--collection', 'notes=own'], 'unknown access'],
    [[...words, '--expires', 'soon'], '--expires takes 90s, 15m, 12h or 30d'],
  ] as const) {
    const { code, errors } = await run(given, { HOLDFAST_SECRET: secret })
    expect([code, errors]).toEqual([2, expect.stringContaining(answer)])
    expect(errors).not.toContain(secret)
  }
})

/** Runs the command line in this process. */
function run(
  given: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return runOn((world) => main(given, world), { env })
}

/** As a shell parts a line: quotes hold together, what is redirected is not its business. */
function wordsOf(line: string): readonly string[] {
  return [...line.replace(/ > .*/, '').matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  )
}

/** Runs the program itself, in a process of its own. */
function shellWith(given: readonly string[]) {
  return new Promise<{ code: unknown; output: string; errors: string }>((resolve) => {
    execFile(process.execPath, [program(), ...given], (error, output, errors) =>
      resolve({ code: error === null ? 0 : error.code, output, errors }),
    )
  })
}

function program(): string {
  return join(dirname(createRequire(import.meta.url).resolve('holdfast')), 'main.js')
}
