/**
 * The command's settings, from flags and from the environment by one table. A flag wins over the
 * environment. Secrets have no flag of their own: command lines can be read by everybody on the
 * machine.
 */
import { parseArgs } from 'node:util'
import { SignalError } from '../errors.js'

export interface FlagSpec {
  /** Without the dashes. */
  readonly flag?: string
  readonly env?: string
  /** `list`: the flag may be repeated; in the environment the items stand between commas. */
  readonly kind: 'text' | 'switch' | 'list'
  /** Stands for the value in the help. */
  readonly value?: string
  readonly help: string
}

/** What was said; absent where it was not. */
export interface Flags {
  text(name: string): string | undefined
  number(name: string): number | undefined
  isOn(name: string): boolean
  list(name: string): readonly string[] | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Throws a SignalError that names what it did not understand. */
export function readFlags(
  specs: Readonly<Record<string, FlagSpec>>,
  args: readonly string[],
  env: Environment,
): Flags {
  const given = readArguments(specs, args)
  const valueOf = (name: string): string | readonly string[] | boolean | undefined => {
    const spec = specs[name]
    if (spec === undefined) throw new RangeError(`no setting is called ${name}`)
    const fromFlag = spec.flag === undefined ? undefined : given[spec.flag]
    const fromEnv = spec.env === undefined ? undefined : env[spec.env]
    return fromFlag ?? (fromEnv === '' ? undefined : fromEnv)
  }
  return {
    text(name) {
      const value = valueOf(name)
      return typeof value === 'string' ? value : undefined
    },
    number(name) {
      const value = valueOf(name)
      if (value === undefined) return undefined
      const number = Number(value)
      if (Number.isSafeInteger(number) && number >= 0) return number
      throw new SignalError(
        'bad-option',
        `${name} takes a whole number from 0, got ${String(value)}`,
      )
    },
    isOn(name) {
      const value = valueOf(name)
      return value === true || value === '1' || value === 'true'
    },
    list(name) {
      const value = valueOf(name)
      if (typeof value === 'string') return value.split(',').map((item) => item.trim())
      return typeof value === 'object' ? value : undefined
    },
  }
}

/** The table as lines of a help text. */
export function describeFlags(specs: Readonly<Record<string, FlagSpec>>): string {
  return Object.values(specs)
    .map((spec) => {
      const flag = spec.flag === undefined ? '' : `--${spec.flag}`
      const left = [flag, spec.value].filter((part) => part !== undefined).join(' ')
      const env = spec.env === undefined ? '' : ` [${spec.env}]`
      return `  ${left.padEnd(26)} ${spec.help}${env}`
    })
    .join('\n')
}

type Given = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

function readArguments(specs: Readonly<Record<string, FlagSpec>>, args: readonly string[]): Given {
  const options: Record<string, { type: 'string' | 'boolean'; multiple: boolean }> = {}
  for (const { flag, kind } of Object.values(specs)) {
    if (flag === undefined) continue
    options[flag] = { type: kind === 'switch' ? 'boolean' : 'string', multiple: kind === 'list' }
  }
  try {
    return parseArgs({ args: [...args], options, strict: true }).values as Given
  } catch (cause) {
    throw new SignalError('bad-option', cause instanceof Error ? cause.message : 'arguments', {
      cause,
    })
  }
}
