import { readConfig } from './config.js'
import { configText } from './files.adapter.js'
import { settle, type Sources } from './given.js'
import { helpFor, helpOf } from './help.js'
import { ProgressDisplay } from './progress.js'
import {
  Mistake,
  type Command,
  type CommandContext,
  type ExitCode,
  type Failure,
  type Program,
} from './spec.js'
import { commonFlags, parseRequest, type Said } from './words.js'

/** What a run of a command needs from the world. */
export interface CommandWorld extends Omit<CommandContext, 'signal' | 'onProgress'> {
  /** What `--version` says. */
  readonly version: string
}

/**
 * Runs what the words after the program's name ask for, and gives the exit code. Rejects only with
 * what nobody expected.
 */
export async function runProgram(
  words: readonly string[],
  program: Program,
  world: CommandWorld,
): Promise<ExitCode> {
  const { terminal, version } = world
  const display = new ProgressDisplay(terminal)
  const stop = new AbortController()
  // Asked for before anything starts: a supervisor may change its mind early.
  const undo = terminal.onInterrupt(() => stop.abort())
  let command: Command | undefined
  try {
    const request = parseRequest(words, program)
    if (request.kind === 'version') {
      terminal.write(`${version}\n`)
      return 0
    }
    if (request.kind === 'help') {
      terminal.write(
        request.command === undefined ? helpFor(program) : helpOf(request.command, program),
      )
      return 0
    }
    command = request.command
    const given = settle(await sourcesOf(request, program, command, world))
    return await command.run(given, {
      ...world,
      terminal: withRoom(terminal, display),
      signal: stop.signal,
      onProgress: (progress) => display.show(progress),
    })
  } catch (error) {
    display.clear()
    if (stop.signal.aborted) {
      terminal.writeError(`${program.name}: stopped\n`)
      return 130
    }
    return failure(error, program, command, world)
  } finally {
    display.clear()
    undo()
  }
}

async function sourcesOf(
  said: Said,
  program: Program,
  command: Command,
  { env }: CommandWorld,
): Promise<Sources> {
  const alone = { command, said, env, config: undefined }
  const named = settle({ ...alone, command: { ...command, flags: commonFlags } }).value('config')
  if (named === 'off') return alone
  const file = named ?? 'holdfast.config.json'
  const text = await configText(file, named === undefined)
  if (text === undefined) return alone
  return { ...alone, config: { file, section: readConfig(text, file, program, command) } }
}

/** What is written makes the bar go away first. Its figures change, so they are asked for anew. */
function withRoom(terminal: CommandWorld['terminal'], display: ProgressDisplay) {
  return {
    isLive: terminal.isLive,
    isScreen: terminal.isScreen,
    hasColours: terminal.hasColours,
    get columns() {
      return terminal.columns
    },
    get rows() {
      return terminal.rows
    },
    write: (text: string) => (display.clear(), terminal.write(text)),
    writeError: (text: string) => (display.clear(), terminal.writeError(text)),
    onInterrupt: (listener: () => void) => terminal.onInterrupt(listener),
  }
}

function failure(
  error: unknown,
  program: Program,
  command: Command | undefined,
  { terminal }: CommandWorld,
): ExitCode {
  if (error instanceof Mistake) {
    const about = error.command ?? command
    const isNamed = about !== undefined && about.mayOmitName !== 'always'
    const help = [program.name, ...(isNamed ? [about.name] : []), '--help'].join(' ')
    terminal.writeError(`${sentence(error.message)} See: ${help}\n`)
    return 2
  }
  const known = program.failureOf(error, command) ?? failureOfSystem(error)
  if (known === undefined || !(error instanceof Error)) throw error
  const advice = known.advice === undefined ? '' : ` ${known.advice}`
  const message = advice === '' ? error.message : sentence(error.message)
  terminal.writeError(`${program.name}: ${message}${advice}\n`)
  return known.exitCode
}

/** A file or a socket that the system does not give: its message says which, and why. */
function failureOfSystem(error: unknown): Failure | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error
    ? { exitCode: 1 }
    : undefined
}

function sentence(text: string): string {
  return /[.?!}]$/.test(text) ? text : `${text}.`
}
