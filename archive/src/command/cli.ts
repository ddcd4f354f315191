import { AccessError } from '@holdfast/access'
import { LogError } from '../log/errors.js'
import { ArchiveError } from '../server/errors.js'
import { commands } from './commands/index.js'
import { helpFor, helpOf } from './help.js'
import { parseRequest } from './parse.js'
import { ProgressDisplay } from './progress.js'
import { Mistake, type CommandContext, type ExitCode } from './spec.js'

/** What a run of the command needs from the world. */
export interface CommandWorld extends Omit<CommandContext, 'signal' | 'onProgress'> {
  /** What `--version` says. */
  readonly version: string
}

/**
 * Runs what the arguments after the program's name ask for, and gives the exit code. Rejects only
 * with what nobody expected.
 */
export async function runArchiveCommand(
  words: readonly string[],
  world: CommandWorld,
): Promise<ExitCode> {
  const { terminal, version } = world
  const display = new ProgressDisplay(terminal)
  const stop = new AbortController()
  const undo = terminal.onInterrupt(() => stop.abort())
  try {
    const request = parseRequest(words, commands, world.env)
    if (request.kind === 'version') {
      terminal.write(`${version}\n`)
      return 0
    }
    if (request.kind === 'help') {
      const { command } = request
      terminal.write(command === undefined ? helpFor(commands) : helpOf(command))
      return 0
    }
    const { command, given } = request
    return await command.run(given, {
      ...world,
      terminal: { ...terminal, write: (text) => (display.clear(), terminal.write(text)) },
      signal: stop.signal,
      onProgress: (progress) => display.show(progress),
    })
  } catch (error) {
    display.clear()
    if (stop.signal.aborted) {
      terminal.writeError('holdfast-archive: stopped\n')
      return 130
    }
    return failure(error, world)
  } finally {
    display.clear()
    undo()
  }
}

function failure(error: unknown, { terminal }: Pick<CommandContext, 'terminal'>): ExitCode {
  if (error instanceof Mistake) {
    terminal.writeError(`${error.message}\nholdfast-archive --help shows what there is.\n`)
    return 2
  }
  if (error instanceof ArchiveError || error instanceof AccessError) {
    terminal.writeError(`holdfast-archive: ${error.message}\n`)
    return error.code === 'cannot-listen' ? 1 : 2
  }
  if (!(error instanceof LogError)) throw error
  terminal.writeError(`holdfast-archive: ${error.message}\n`)
  if (error.code === 'invalid-argument') return 2
  return error.code === 'in-use' ? 3 : 1
}
