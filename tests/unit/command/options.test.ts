import {
  choiceOf,
  countOf,
  durationMsOf,
  numbersByName,
  pathOf,
  portOf,
  runProgram,
  wholeOf,
  type Command,
  type Given,
  type Program,
} from '@holdfast/command'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOn, type Outcome } from './listening-terminal.js'

let folder = ''
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-options-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('where an option is said', () => {
  test('[CLI-8] the flag wins over the environment, that over the file, that over the default', async () => {
    const file = await config({ sail: { port: 3 } })
    const env = { KELP_PORT: '2' }
    expect(await port(['--port', '1', '--config', file], env)).toBe('1 by --port')
    expect(await port(['--port=1', '--port=9'], env)).toBe('9 by --port')
    expect(await port(['--config', file], env)).toBe('2 by KELP_PORT')
    expect(await port(['--config', file])).toBe(`3 by port in ${file}`)
    expect(await port(['--config', file], { KELP_PORT: '' })).toBe(`3 by port in ${file}`)
    expect(await port([])).toBe('4 by --port')
  })

  test('[CLI-8] a list takes repeated flags, commas, and a list or an object of the file', async () => {
    const file = await config({ sail: { limit: { a: 1, b: 2 }, friend: ['x, y', 'z'] } })
    expect(await list('limit', ['--limit', 'a=1', '--limit', 'b=2,c=3'])).toEqual([
      'a=1',
      'b=2',
      'c=3',
    ])
    expect(await list('limit', [], { KELP_LIMITS: 'a=1, b=2 ,' })).toEqual(['a=1', 'b=2'])
    expect(await list('limit', ['--config', file])).toEqual(['a=1', 'b=2'])
    // Without a variable there are no commas to separate.
    expect(await list('friend', ['--friend', 'x, y', '--friend', 'z'])).toEqual(['x, y', 'z'])
    expect(await list('friend', ['--config', file])).toEqual(['x, y', 'z'])
    expect(await list('friend', [])).toBeUndefined()
  })

  test('[CLI-8] a switch is on or off wherever it is said, and nothing else', async () => {
    const isOn = async (words: readonly string[], env = {}): Promise<string> =>
      (await told(words, (given) => String(given.isOn('open')), env)).output
    expect(await isOn(['--open'])).toBe('true')
    for (const text of ['1', 'true', 'YES', 'on'])
      expect(await isOn([], { KELP_OPEN: text })).toBe('true')
    for (const text of ['0', 'false', 'no', 'off']) {
      expect(await isOn([], { KELP_OPEN: text })).toBe('false')
    }
    const file = await config({ sail: { open: true } })
    expect(await isOn(['--config', file])).toBe('true')
    expect(await isOn(['--config', file], { KELP_OPEN: '0' })).toBe('false')
    const { code, errors } = await told([], (given) => String(given.isOn('open')), {
      KELP_OPEN: 'perhaps',
    })
    expect([code, errors]).toEqual([
      2,
      expect.stringContaining("KELP_OPEN takes 1 or 0; it got 'perhaps'"),
    ])
  })

  test('[CLI-8] the file that is here is read without being asked for, unless it is said off', async () => {
    const here = process.cwd()
    const place = await mkdtemp(join(folder, 'here-'))
    await writeFile(join(place, 'holdfast.config.json'), '{ "sail": { "port": 7 } }')
    process.chdir(place)
    try {
      expect(await port([], { HOLDFAST_CONFIG: '' })).toBe('7 by port in holdfast.config.json')
      expect(await port(['--config', 'off'], { HOLDFAST_CONFIG: '' })).toBe('4 by --port')
    } finally {
      process.chdir(here)
    }
    const { code, errors } = await told(['--config', join(folder, 'none.json')], () => '')
    expect([code, errors]).toEqual([2, expect.stringContaining('none.json cannot be read')])
  })
})

describe('a configuration file', () => {
  test.each([
    ['{ "sail": { "prot": 1 } }', "'sail' has no option 'prot'. Did you mean 'port'?"],
    ['{ "sial": {} }', "there is no command 'sial'. Did you mean 'sail'?"],
    ['{ "port": 1 }', 'Options stand below their command: { "sail": { "port": … } }'],
    ['{ "sail": { "port": true } }', 'sail.port takes N, as text or as a number'],
    ['{ "sail": { "port": "" } }', 'sail.port takes N, as text or as a number'],
    ['{ "sail": { "port": [1, 2] } }', 'sail.port takes N, as text or as a number'],
    ['{ "sail": { "open": "yes" } }', 'sail.open takes true or false'],
    ['{ "sail": { "limit": { "a": {} } } }', 'sail.limit takes a list of NAME=N'],
    ['{ "sail": { "friend": { "a": 1 } } }', 'sail.friend takes a list of NAME'],
    ['{ "sail": [] }', 'sail takes an object'],
    ['[]', 'takes an object'],
    ['{ "sail": ', 'is not JSON'],
    [
      '{ "sail": { "key": "hidden" } }',
      "secrets do not belong here: give 'key-file' with the name of a file, or KELP_KEY",
    ],
    // Also of a command that is not asked for.
    ['{ "drift": { "sped": 1 } }', "'drift' has no option 'sped'. Did you mean 'speed'?"],
    ['{ "__proto__": { "port": 1 } }', "there is no command '__proto__'"],
  ])('[CLI-9] %s is answered with what was meant', async (text, answer) => {
    const file = join(folder, `${++files}.json`)
    await writeFile(file, text)
    const { code, output, errors } = await told(['--config', file], (given) => given.nameOf('port'))
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(errors).toContain(answer)
    expect(errors).toContain(file)
    expect(errors.trim().split('\n')).toHaveLength(1)
    expect(errors).not.toContain('hidden')
  })

  test('[CLI-9] sections of other programs are theirs', async () => {
    const file = await config({ elsewhere: { whatever: 1 }, sail: { port: 5 } })
    expect(await port(['--config', file])).toBe(`5 by port in ${file}`)
  })
})

describe('a secret', () => {
  test('[CLI-10] comes from a file or a variable, whichever was said more nearly', async () => {
    const secretFile = join(folder, 'key')
    await writeFile(secretFile, 'of the file\n')
    const file = await config({ sail: { 'key-file': secretFile } })
    expect(await keyOf([])).toBe('undefined')
    expect(await keyOf(['--key-file', secretFile], { KELP_KEY: 'of the variable' })).toBe(
      'of the file',
    )
    expect(await keyOf([], { KELP_KEY: 'of the variable' })).toBe('of the variable')
    expect(await keyOf(['--config', file])).toBe('of the file')
    expect(await keyOf(['--config', file], { KELP_KEY: 'of the variable' })).toBe('of the variable')
  })

  test('[CLI-10] is never a flag, and a file of one that cannot be read is named', async () => {
    const asFlag = await told(['--key', 'hidden'], () => '')
    expect(asFlag.code).toBe(2)
    expect(asFlag.errors).toContain('give --key-file FILE or KELP_KEY, not --key')
    expect(asFlag.errors).not.toContain('hidden')
    const none = await told(['--key-file', '/nowhere'], async (given) =>
      String(await given.secret('key')),
    )
    expect([none.code, none.errors]).toEqual([
      2,
      expect.stringContaining('--key-file: /nowhere cannot be read'),
    ])
  })
})

describe('values', () => {
  const known = new Map([['rows', 1]])
  const reads: readonly (readonly [string, string, (given: Given) => unknown, unknown])[] = [
    ['a whole number', '12', (given) => wholeOf(given, 'port'), 12],
    ['a whole number', '-1', (given) => wholeOf(given, 'port'), '--port takes a whole number'],
    ['a whole number', '1e3', (given) => wholeOf(given, 'port'), "it got '1e3'"],
    ['a count', '0', (given) => countOf(given, 'port'), 'a whole number from 1'],
    ['a port', '65535', (given) => portOf(given, 'port'), 65_535],
    ['a port', '65536', (given) => portOf(given, 'port'), 'up to 65535'],
    ['a path', '/sync', (given) => pathOf(given, 'port'), '/sync'],
    ['a path', 'sync', (given) => pathOf(given, 'port'), 'a path such as /sync'],
    ['a time', '15m', (given) => durationMsOf(given, 'port'), 900_000],
    ['a time', '15', (given) => durationMsOf(given, 'port'), '90s, 15m, 12h or 30d'],
    ['a choice', 'info', (given) => choiceOf(given, 'port', 'level', ['info', 'debug']), 'info'],
    [
      'a choice',
      'inf',
      (given) => choiceOf(given, 'port', 'level', ['info', 'debug']),
      "There is no level 'inf'. Did you mean 'info'?",
    ],
    [
      'a choice',
      'loud',
      (given) => choiceOf(given, 'port', 'level', ['info', 'debug']),
      'There are info, debug.',
    ],
    ['a limit', 'rows=3', (given) => numbersByName(given, 'port', known).get('rows'), 3],
    ['a limit', 'rwos=3', (given) => numbersByName(given, 'port', known), "Did you mean 'rows'?"],
    [
      'a limit',
      'rows=x',
      (given) => numbersByName(given, 'port', known),
      'rows takes a whole number',
    ],
  ]
  test.each(reads.filter(([, , , expected]) => !isAnswer(expected)))(
    '[CLI-5] %s of %s is read',
    async (_, text, read, expected) => {
      let value: unknown
      const tell = (given: Given): string => String((value = read(given)))
      expect(await told([`--port=${text}`], tell)).toMatchObject({ code: 0, errors: '' })
      expect(value).toBe(expected)
    },
  )

  test.each(reads.filter(([, , , expected]) => isAnswer(expected)))(
    '[CLI-5] %s of %s is answered',
    async (_, text, read, expected) => {
      const { code, errors } = await told([`--port=${text}`], (given) => String(read(given)))
      expect([code, errors]).toEqual([2, expect.stringContaining(String(expected))])
    },
  )
})

/** What is read is a number, a path or a word; answers are sentences. */
function isAnswer(expected: unknown): boolean {
  return typeof expected === 'string' && expected.includes(' ')
}

/** A command that tells what it was given. */
function program(tell: (given: Given) => string | Promise<string>): Program {
  const sail: Command = {
    name: 'sail',
    summary: 'goes out',
    operands: [],
    flags: [
      { name: 'port', value: 'N', env: 'KELP_PORT', help: 'Where', default: '4' },
      { name: 'limit', value: 'NAME=N', isList: true, env: 'KELP_LIMITS', help: 'How much' },
      { name: 'friend', value: 'NAME', isList: true, help: 'With whom' },
      { name: 'open', env: 'KELP_OPEN', help: 'For all' },
      { name: 'key-file', value: 'FILE', help: 'What opens it' },
    ],
    secrets: [{ name: 'key', env: 'KELP_KEY', fileFlag: 'key-file' }],
    about: 'Goes out.',
    examples: [['sail', 'goes out']],
    run: async (given, { terminal }) => {
      terminal.write(await tell(given))
      return 0
    },
  }
  const drift: Command = {
    ...sail,
    name: 'drift',
    flags: [{ name: 'speed', value: 'N', help: 'How fast' }],
  }
  return {
    name: 'kelp',
    summary: 'a test',
    commands: [sail, drift],
    otherSections: ['elsewhere'],
    failureOf: () => undefined,
  }
}

function told(
  words: readonly string[],
  tell: (given: Given) => string | Promise<string>,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return runOn((world) => runProgram(['sail', ...words], program(tell), world), { env })
}

async function keyOf(words: readonly string[], env = {}): Promise<string> {
  const { output } = await told(words, async (given) => String(await given.secret('key')), env)
  return output
}

function portAndSource(given: Given): string {
  return `${given.value('port')} by ${given.nameOf('port')}`
}

async function port(words: readonly string[], env = {}): Promise<string> {
  const { code, output, errors } = await told(words, portAndSource, env)
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  return output
}

async function list(
  flag: string,
  words: readonly string[],
  env = {},
): Promise<readonly string[] | undefined> {
  let found: readonly string[] | undefined
  const { code, errors } = await told(words, (given) => String((found = given.list(flag))), env)
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  return found
}

async function config(value: unknown): Promise<string> {
  const file = join(folder, `${++files}.json`)
  await writeFile(file, JSON.stringify(value))
  return file
}
