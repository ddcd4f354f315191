/**
 * A configuration file: JSON, a section a command, in it the names of flags.
 *
 *     { "up": { "port": 8080, "origin": ["https://app.example.org"], "limit": { "log.ripeRows": 500 } } }
 *
 * All of it is checked, whichever command runs, so that a slip is found when the file is written and
 * not on the day that the other command is needed.
 */
import { printable, suggestion } from './nearest.js'
import { Mistake, type Command, type Flag, type Program } from './spec.js'

/** By the name of the flag, in the order of the file; of a switch, `true` or `false`. */
export type Section = ReadonlyMap<string, readonly string[]>

/** Throws a `Mistake` that names the file. Gives what it says of the command. */
export function readConfig(
  text: string,
  file: string,
  program: Program,
  command: Command,
): Section {
  const sections = objectOf(parse(text, file), file)
  let own: Section = new Map()
  for (const [name, value] of Object.entries(sections)) {
    const commands = program.commands.filter((one) => sectionOf(one) === name)
    if (commands.length === 0) {
      if (program.otherSections?.includes(name) === true) continue
      throw unknownSection(name, file, program)
    }
    const section = readSection(objectOf(value, `${file}: ${name}`), name, file, commands)
    if (name === sectionOf(command)) own = section
  }
  return own
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Mistake(`${file} is not JSON: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    })
  }
}

function sectionOf({ name, section = name }: Command): string {
  return section
}

function unknownSection(name: string, file: string, { commands, otherSections = [] }: Program) {
  const known = new Set([...commands.map(sectionOf), ...otherSections])
  const owners = commands.filter(({ flags }) => flags.some((flag) => flag.name === name))
  const [owner] = owners
  // A flag at the top: the likeliest slip of all.
  const near =
    owner === undefined
      ? suggestion(name, known)
      : ` Options stand below their command: { "${sectionOf(owner)}": { "${name}": … } }`
  return new Mistake(`${file}: there is no command '${printable(name)}'.${near}`)
}

function readSection(
  values: Readonly<Record<string, unknown>>,
  section: string,
  file: string,
  commands: readonly Command[],
): Section {
  const flags = commands.flatMap((command) => command.flags)
  const read = new Map<string, readonly string[]>()
  for (const [name, value] of Object.entries(values)) {
    const flag = flags.find((one) => one.name === name)
    if (flag === undefined) throw unknownKey(name, section, file, commands)
    const items = itemsOf(value, flag)
    if (items === undefined) {
      throw new Mistake(`${file}: ${section}.${name} takes ${expected(flag)}.`)
    }
    read.set(name, items)
  }
  return read
}

function unknownKey(name: string, section: string, file: string, commands: readonly Command[]) {
  const secret = commands.flatMap(({ secrets = [] }) => secrets).find((one) => one.name === name)
  if (secret !== undefined) {
    return new Mistake(
      `${file}: secrets do not belong here: give '${secret.fileFlag}' with the name of a file, or ${secret.env}.`,
    )
  }
  const known = commands.flatMap(({ flags }) => flags.map((flag) => flag.name))
  return new Mistake(
    `${file}: '${section}' has no option '${printable(name)}'.${suggestion(name, known)}`,
  )
}

function itemsOf(value: unknown, flag: Flag): readonly string[] | undefined {
  if (flag.value === undefined) return typeof value === 'boolean' ? [String(value)] : undefined
  if (isScalar(value)) return [String(value)]
  if (flag.isList !== true) return undefined
  if (Array.isArray(value)) return value.every(isScalar) ? value.map(String) : undefined
  if (!isPlainObject(value) || !flag.value.includes('=')) return undefined
  const entries = Object.entries(value)
  if (!entries.every(([, item]) => isScalar(item))) return undefined
  return entries.map(([name, item]) => `${name}=${String(item)}`)
}

function expected({ value, isList }: Flag): string {
  if (value === undefined) return 'true or false'
  return isList === true ? `a list of ${value}` : `${value}, as text or as a number`
}

/** Empty text says nothing, and would hide what a default says. */
function isScalar(value: unknown): value is string | number {
  return (typeof value === 'string' && value !== '') || typeof value === 'number'
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (isPlainObject(value)) return value
  throw new Mistake(`${what} takes an object: { "COMMAND": { "OPTION": VALUE } }`)
}
