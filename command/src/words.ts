/** What stands behind a program's name, as a request for one of its commands. */
import { printable, suggestion } from './nearest.js'
import { Mistake, type Command, type Flag, type Program } from './spec.js'

export type Request =
  | { readonly kind: 'help'; readonly command?: Command }
  | { readonly kind: 'version' }
  | ({ readonly kind: 'run'; readonly command: Command } & Said)

/** What the words themselves say of a command. */
export interface Said {
  readonly operands: readonly string[]
  /** In the order of their coming; of a switch, an empty one each time. */
  readonly values: ReadonlyMap<string, readonly string[]>
}

/** What every command takes besides its own flags. */
export const commonFlags: readonly Flag[] = [
  {
    name: 'config',
    value: 'FILE',
    env: 'HOLDFAST_CONFIG',
    help: 'Settings as JSON; off: none. Default: holdfast.config.json if it is here',
  },
]

/** Reads the arguments after the program's name; throws `Mistake`. */
export function parseRequest(words: readonly string[], program: Program): Request {
  const { commands } = program
  const [first, ...rest] = words
  const standard = commands.find(({ mayOmitName }) => mayOmitName === 'always')
  if (first === '--help' || first === '-h') return { kind: 'help' }
  if (first === '--version') return { kind: 'version' }
  if (first === 'help') return helpOf(rest, commands)
  if (first === undefined) {
    return standard === undefined ? { kind: 'help' } : run(standard, [], program)
  }
  const unnamed = first.startsWith('-') ? (standard ?? ownerOf(first, commands)) : undefined
  const command = unnamed ?? commandNamed(first, commands)
  if (rest.includes('--help') || rest.includes('-h')) return { kind: 'help', command }
  try {
    return run(command, unnamed === undefined ? rest : words, program)
  } catch (error) {
    if (error instanceof Mistake) error.command = command
    throw error
  }
}

function helpOf([name]: readonly string[], commands: readonly Command[]): Request {
  if (name === undefined) return { kind: 'help' }
  return { kind: 'help', command: commandNamed(name, commands) }
}

/** The command that may go without its name, if the first word is one of its flags. */
function ownerOf(first: string, commands: readonly Command[]): Command | undefined {
  const [name] = first.split('=')
  return commands.find(
    ({ mayOmitName, flags }) =>
      mayOmitName === 'before-its-flags' && flags.some((flag) => `--${flag.name}` === name),
  )
}

function commandNamed(name: string, commands: readonly Command[]): Command {
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) return command
  const what = name.startsWith('-') ? 'option' : 'command'
  const near = suggestion(name, ['help', ...commands.map((one) => one.name)])
  throw new Mistake(`There is no ${what} '${printable(name)}'.${near}`)
}

function run(command: Command, words: readonly string[], program: Program): Request {
  const operands: string[] = []
  const values = new Map<string, string[]>()
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '--') {
      operands.push(...words.slice(at + 1))
      break
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word)
      continue
    }
    const equals = word.indexOf('=')
    const name = equals === -1 ? word : word.slice(0, equals)
    const inline = equals === -1 ? undefined : word.slice(equals + 1)
    const flag = flagNamed(name, command)
    const items = values.get(flag.name) ?? []
    values.set(flag.name, items)
    if (flag.value === undefined) {
      if (inline !== undefined) throw new Mistake(`${name} takes no value.`)
      items.push('')
      continue
    }
    const value = inline ?? words[++at]
    if (value === undefined || value === '') {
      throw new Mistake(`${name} needs ${flag.value}, as in: ${name} ${exampleOf(flag)}`)
    }
    items.push(value)
  }
  checkOperands(command, operands, program)
  return { kind: 'run', command, operands, values }
}

function flagNamed(name: string, command: Command): Flag {
  const flags = [...command.flags, ...commonFlags]
  const flag = flags.find((one) => `--${one.name}` === name)
  if (flag !== undefined) return flag
  const secret = command.secrets?.find((one) => `--${one.name}` === name)
  if (secret !== undefined) {
    throw new Mistake(
      `Everybody on this machine can read command lines: give --${secret.fileFlag} FILE or ${secret.env}, not ${name}.`,
    )
  }
  const near = suggestion(name, ['--help', ...flags.map((one) => `--${one.name}`)])
  throw new Mistake(`'${command.name}' has no option '${printable(name)}'.${near}`)
}

function exampleOf({ value = '' }: Flag): string {
  return value === 'N' ? '10' : value.toLowerCase()
}

function checkOperands(
  { name, operands, examples }: Command,
  given: readonly string[],
  program: Program,
): void {
  const missing = operands[given.length]
  if (missing !== undefined) {
    const [example] = examples[0] ?? [name]
    throw new Mistake(`'${name}' needs ${missing}, as in: ${program.name} ${example}`)
  }
  const extra = given[operands.length]
  if (extra === undefined) return
  const takes = operands.length === 0 ? 'no name' : operands.join(' and ')
  throw new Mistake(`'${name}' takes ${takes} and nothing more; it got '${printable(extra)}', too.`)
}
