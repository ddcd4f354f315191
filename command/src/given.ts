import type { Section } from './config.js'
import { textOfFile } from './files.adapter.js'
import { printable } from './nearest.js'
import { Mistake, type Command, type Environment, type Flag, type Given } from './spec.js'
import { commonFlags, type Said } from './words.js'

/** Everything that may say something about a command's options. */
export interface Sources {
  readonly command: Command
  readonly said: Said
  readonly env: Environment
  readonly config: { readonly file: string; readonly section: Section } | undefined
}

/** One answer for each option, whoever gave it. */
export function settle({ command, said, env, config }: Sources): Given {
  const find = (name: string): Finding | undefined => {
    const flag = [...command.flags, ...commonFlags].find((one) => one.name === name)
    if (flag === undefined) return undefined
    const words = said.values.get(name)
    if (words !== undefined) {
      const items =
        flag.value === undefined ? ['true'] : words.flatMap((text) => itemsOf(text, flag))
      return { by: 'flag', called: `--${name}`, items }
    }
    const variable = flag.env === undefined ? undefined : env[flag.env]
    if (flag.env !== undefined && variable !== undefined && variable !== '') {
      return { by: 'env', called: flag.env, items: split(variable, flag) }
    }
    const written = config?.section.get(name)
    if (config !== undefined && written !== undefined) {
      return { by: 'file', called: `${name} in ${config.file}`, items: written }
    }
    if (flag.default === undefined) return undefined
    return { by: 'default', called: `--${name}`, items: split(flag.default, flag) }
  }
  return {
    operand: (name) => said.operands[command.operands.indexOf(name)] ?? '',
    value: (name) => find(name)?.items.at(-1),
    list: (name) => find(name)?.items,
    isOn(name) {
      const found = find(name)
      return found !== undefined && switchOf(found)
    },
    async secret(name) {
      const secret = command.secrets?.find((one) => one.name === name)
      if (secret === undefined) throw new RangeError(`'${command.name}' takes no ${name}`)
      const file = find(secret.fileFlag)
      const variable = env[secret.env]
      const isNearer = file?.by === 'flag' || file?.by === 'env'
      if (!isNearer && variable !== undefined && variable !== '') return variable
      return file === undefined ? undefined : textOfFile(file.items.at(-1) ?? '', file.called)
    },
    nameOf: (name) => find(name)?.called ?? `--${name}`,
  }
}

interface Finding {
  readonly by: 'flag' | 'env' | 'file' | 'default'
  readonly called: string
  readonly items: readonly string[]
}

/** Where there is a variable for it, commas separate there, and so here; else they are part of names. */
function itemsOf(text: string, flag: Flag): readonly string[] {
  return flag.env === undefined ? [text] : split(text, flag)
}

function split(text: string, { isList }: Flag): readonly string[] {
  if (isList !== true) return [text]
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function switchOf({ called, items }: Finding): boolean {
  const text = items.at(-1)?.toLowerCase() ?? ''
  if (on.has(text)) return true
  if (off.has(text)) return false
  throw new Mistake(`${called} takes 1 or 0; it got '${printable(text)}'.`)
}

const on = new Set(['1', 'true', 'yes', 'on'])
const off = new Set(['0', 'false', 'no', 'off'])
