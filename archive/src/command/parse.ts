import { printable, suggestion } from './nearest.js'
import { Mistake, type Command, type Environment, type Flag, type Given } from './spec.js'

export type Request =
  | { readonly kind: 'help'; readonly command?: Command }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly command: Command; readonly given: Given }

/** Reads the arguments after the program's name; throws `Mistake`. */
export function parseRequest(
  words: readonly string[],
  commands: readonly Command[],
  env: Environment,
): Request {
  const [first, ...rest] = words
  if (first === undefined || first === '--help' || first === '-h') return { kind: 'help' }
  if (first === '--version') return { kind: 'version' }
  if (first === 'help') return helpOf(rest, commands)
  const byFlag = ownerOf(first, commands)
  const command = byFlag ?? commandNamed(first, commands)
  if (rest.includes('--help') || rest.includes('-h')) return { kind: 'help', command }
  return {
    kind: 'run',
    command,
    given: readGiven(command, byFlag === undefined ? rest : words, env),
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
    (command) =>
      command.isUnnamed === true && command.flags.some((flag) => `--${flag.name}` === name),
  )
}

function commandNamed(name: string, commands: readonly Command[]): Command {
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) return command
  const what = name.startsWith('-') ? 'option' : 'command'
  const near = suggestion(name, ['help', ...commands.map((one) => one.name)])
  throw new Mistake(`There is no ${what} '${printable(name)}'.${near}`)
}

function readGiven(command: Command, words: readonly string[], env: Environment): Given {
  const operands: string[] = []
  const values = new Map<string, string>()
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
    if (flag.value === undefined) {
      if (inline !== undefined) throw new Mistake(`${name} takes no value.`)
      values.set(flag.name, '')
      continue
    }
    const value = inline ?? words[++at]
    if (value === undefined || value === '') {
      throw new Mistake(`${name} needs ${flag.value}, as in: ${name} ${exampleOf(flag)}`)
    }
    values.set(flag.name, value)
  }
  checkOperands(command, operands)
  return {
    operand: (name) => operands[command.operands.indexOf(name)] ?? '',
    value: (flag) => values.get(flag) ?? saidBy(env, command, flag),
    isOn: (flag) => values.has(flag) || switchedOn.has(saidBy(env, command, flag) ?? ''),
  }
}

function saidBy(env: Environment, { flags }: Command, name: string): string | undefined {
  const variable = flags.find((flag) => flag.name === name)?.env
  const said = variable === undefined ? undefined : env[variable]
  return said === '' ? undefined : said
}

const switchedOn = new Set(['1', 'true', 'yes', 'on'])

function flagNamed(name: string, command: Command): Flag {
  const flag = command.flags.find((one) => `--${one.name}` === name)
  if (flag !== undefined) return flag
  const near = suggestion(name, ['--help', ...command.flags.map((one) => `--${one.name}`)])
  throw new Mistake(`'${command.name}' has no option '${printable(name)}'.${near}`)
}

function exampleOf({ value = '' }: Flag): string {
  return value === 'N' ? '10' : value.toLowerCase()
}

function checkOperands({ name, operands, examples }: Command, given: readonly string[]): void {
  const missing = operands[given.length]
  if (missing !== undefined) {
    const [example] = examples[0] ?? [name]
    throw new Mistake(`'${name}' needs ${missing}, as in: holdfast-archive ${example}`)
  }
  const extra = given[operands.length]
  if (extra === undefined) return
  const takes = operands.join(' and ')
  throw new Mistake(`'${name}' takes ${takes} and nothing more; it got '${printable(extra)}', too.`)
}

/** A whole number from 1, or a `Mistake` that names the flag. */
export function countOf(given: Given, flag: string): number | undefined {
  const value = given.value(flag)
  if (value === undefined) return undefined
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw new Mistake(`--${flag} takes a whole number from 1; it got '${printable(value)}'.`)
}
