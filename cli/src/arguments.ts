/** What somebody asked for on the command line. */
export type Request =
  | { readonly command: 'help' }
  | { readonly command: 'version' }
  | { readonly command: 'up'; readonly seed: string | undefined }
  /** One or two lines that say what was wrong and what was probably meant. */
  | { readonly command: 'mistake'; readonly answer: string }

const commands = ['up', 'signal', 'token', 'help']
const options = ['--seed', '--help', '--version']

/** Reads the arguments after the program's name. Never throws. */
export function parseArguments(given: readonly string[]): Request {
  const words: string[] = []
  let seed: string | undefined
  for (let at = 0; at < given.length; at++) {
    const word = given[at] ?? ''
    const [name, inline] = splitOption(word)
    if (name === '--help' || name === '-h') return { command: 'help' }
    if (name === '--version') return { command: 'version' }
    if (name === '--seed') {
      seed = inline ?? given[++at]
      if (seed === undefined || !/^[\w.-]+$/.test(seed) || seed.startsWith('--')) {
        return mistake('--seed takes a number or a word, as in: holdfast up --seed 7')
      }
    } else if (name.startsWith('-')) {
      return mistake(`There is no option '${printable(name)}'.${suggestion(name, options)}`)
    } else words.push(word)
  }
  const [command, extra] = words
  if (command === undefined) {
    return seed === undefined ? { command: 'help' } : mistake('--seed belongs to: holdfast up')
  }
  if (!commands.includes(command)) {
    return mistake(`There is no command '${printable(command)}'.${suggestion(command, commands)}`)
  }
  if (extra !== undefined) {
    return mistake(`'holdfast ${command}' takes nothing more, and got '${printable(extra)}'.`)
  }
  return command === 'up' ? { command, seed } : { command: 'help' }
}

function splitOption(word: string): readonly [name: string, inline: string | undefined] {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)]
}

function mistake(answer: string): Request {
  return { command: 'mistake', answer: `${answer}\nholdfast --help shows what there is.` }
}

/** What was typed may hold anything; a terminal must not be told to do it. */
function printable(word: string): string {
  return word.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?').slice(0, 40)
}

function suggestion(word: string, known: readonly string[]): string {
  const [nearest] = known
    .map((candidate) => ({ candidate, distance: distanceOf(word, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)
  // Two slips of the finger; of a two-letter word one.
  const isNear = nearest !== undefined && nearest.distance <= Math.min(2, word.length - 1)
  return isNear ? ` Did you mean '${nearest.candidate}'?` : ''
}

/** Letters to add, drop or change to get from one to the other. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= Math.min(a.length, 40); i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? a.length
}
