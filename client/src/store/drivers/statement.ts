import { ClientError } from '../../errors.js'
import type { Statement } from '../driver.js'
import { checkedValues } from './values.js'

/*
 * What a statement is, from its text alone, so that every driver refuses the same: SQLite's bindings
 * differ in what they do with a second statement behind the first, with a question mark that got no
 * value, and with a query that writes.
 *
 * And no statement that writes may ask for chance, time or what happened before on its connection: the
 * same statements on the same content give the same content, which is what makes a log of statements a
 * log of the database.
 */

/** A statement that may be run: its text was looked at, its values are copies. */
export interface CheckedStatement extends Statement {
  readonly parameters: readonly (string | number | null | Uint8Array)[]
  /** Whether it changes rows, so that their number can be asked for. */
  readonly changesRows: boolean
}

/** For `transact`: what changes rows or tables. Throws `internal`: statements are ours. */
export function checkedWrite({ sql, parameters = [] }: Statement): CheckedStatement {
  const { verb, isVersion, unsteady, placeholders } = shapeOf(sql)
  if (!writes.has(verb) && !(verb === 'PRAGMA' && isVersion)) {
    throw fault(`transact takes what changes rows and tables, got ${excerpt(sql)}`)
  }
  if (unsteady !== undefined) {
    throw fault(`${unsteady} is not the same each time: bind a value instead, in ${excerpt(sql)}`)
  }
  if (parameters.length !== placeholders) throw wrongCount(sql, placeholders, parameters.length)
  return { sql, parameters: checkedValues(parameters), changesRows: rowWrites.has(verb) }
}

/** A write that was checked once before it was stored; the rules of then need not be those of now. */
export function storedWrite(
  sql: string,
  parameters: CheckedStatement['parameters'],
): CheckedStatement {
  return { sql, parameters, changesRows: rowWrites.has(shapeOf(sql).verb) }
}

/** For `query`: what only reads. Throws `internal`. */
export function checkedRead(
  sql: string,
  parameters: readonly (string | number | null | Uint8Array)[],
): CheckedStatement {
  const { verb, assigns, placeholders } = shapeOf(sql)
  if (!reads.has(verb) || (verb === 'PRAGMA' && assigns) || (verb === 'WITH' && hidesWrite(sql))) {
    throw fault(`query takes what only reads, got ${excerpt(sql)}`)
  }
  if (parameters.length !== placeholders) throw wrongCount(sql, placeholders, parameters.length)
  return { sql, parameters: checkedValues(parameters), changesRows: false }
}

const rowWrites = new Set(['INSERT', 'UPDATE', 'DELETE', 'REPLACE'])
const writes = new Set([...rowWrites, 'CREATE', 'DROP', 'ALTER'])
const reads = new Set(['SELECT', 'WITH', 'VALUES', 'EXPLAIN', 'PRAGMA'])

const unsteadyWords = new Set(['CURRENT_DATE', 'CURRENT_TIME', 'CURRENT_TIMESTAMP'])
const unsteadyCalls = new Set(
  ['RANDOM', 'RANDOMBLOB', 'DATE', 'TIME', 'DATETIME', 'JULIANDAY', 'UNIXEPOCH', 'STRFTIME'].concat(
    ['TIMEDIFF', 'LAST_INSERT_ROWID', 'CHANGES', 'TOTAL_CHANGES'],
  ),
)

interface Shape {
  /** Its first word, in capitals. */
  readonly verb: string
  /** An equals sign stands in it outside of texts. */
  readonly assigns: boolean
  /** It sets `user_version`, the one pragma that is part of a transaction. */
  readonly isVersion: boolean
  /** What it calls that answers differently each time. */
  readonly unsteady: string | undefined
  readonly placeholders: number
}

/** Texts, names and comments are passed over; what is left is told apart by its first letter. */
const token =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[^]*?(?:\*\/|$)|\?\d*|[:@$]\w+|\w+|\s+|[^]/g

/** What was found in a text, for the few dozen that come again and again: looking costs more than an insert. */
const shapes = new Map<string, Shape>()
const maxShapes = 500

function shapeOf(sql: string): Shape {
  const known = shapes.get(sql)
  if (known !== undefined) return known
  const shape = readShape(sql)
  if (shapes.size >= maxShapes) shapes.clear()
  shapes.set(sql, shape)
  return shape
}

function readShape(sql: string): Shape {
  const words: string[] = []
  let placeholders = 0
  let assigns = false
  let ended = false
  let unsteady: string | undefined
  let last = ''
  for (const [part] of sql.matchAll(token)) {
    if (/^(?:\s|--|\/\*)/.test(part)) continue
    // The body of a trigger is statements with semicolons of their own.
    if (ended && !isTrigger(words)) throw fault(`one statement at a time, got ${excerpt(sql)}`)
    if (part === ';') ended = true
    else if (part === '?') placeholders++
    else if (/^[?:@$]./.test(part)) throw fault(`values are bound by ? alone, got ${excerpt(sql)}`)
    else if (part === '=') assigns = true
    else if (/^\w/.test(part)) {
      const word = part.toUpperCase()
      if (words.length < 4) words.push(word)
      if (unsteadyWords.has(word)) unsteady = word
      last = word
      continue
    } else if (part === '(' && unsteadyCalls.has(last)) unsteady = last
    last = ''
  }
  const [verb = '', second] = words
  const isVersion = verb === 'PRAGMA' && second === 'USER_VERSION' && assigns
  return { verb, assigns, isVersion, unsteady, placeholders }
}

function isTrigger([first, second, third]: readonly string[]): boolean {
  return first === 'CREATE' && (second === 'TRIGGER' || third === 'TRIGGER')
}

/** Too careful with a column of such a name, which is ours to avoid. */
function hidesWrite(sql: string): boolean {
  return /\b(?:insert|update|delete|replace)\b/i.test(sql.replaceAll(/'(?:[^']|'')*'/g, ''))
}

function wrongCount(sql: string, wanted: number, got: number): ClientError {
  return fault(`${excerpt(sql)} has ${wanted} question marks, got ${got} values`)
}

function fault(message: string): ClientError {
  return new ClientError('internal', message)
}

function excerpt(sql: string): string {
  const line = sql.trim().replaceAll(/\s+/g, ' ')
  return `'${line.length > 80 ? `${line.slice(0, 80)}…` : line}'`
}
