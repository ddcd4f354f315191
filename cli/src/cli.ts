/** The command `holdfast`: everything that can be done with Holdfast from a shell. */
import { archiveFailureOf, serveCommandOf as archiveCommandOf } from '@holdfast/archive/command'
import {
  runProgram,
  type Command,
  type CommandWorld,
  type ExitCode,
  type Failure,
  type Program,
} from '@holdfast/command'
import {
  serveCommandOf as signalCommandOf,
  signalFailureOf,
  tokenCommand,
} from '@holdfast/signal/command'
import { doctorCommand } from './commands/doctor.js'
import { logCommands } from './commands/log.js'
import { simulateCommand } from './commands/simulate.js'
import { upCommand } from './commands/up.js'
import { HoldfastError } from './errors.js'

/** Runs what the words after the program's name ask for, and gives the exit code. */
export function main(words: readonly string[], world: CommandWorld): Promise<ExitCode> {
  return runProgram(words, program, world)
}

const program: Program = {
  name: 'holdfast',
  summary: 'local-first sync for Yjs',
  commands: [
    upCommand,
    doctorCommand,
    { ...signalCommandOf('signal'), summary: 'runs the signaller alone' },
    {
      ...archiveCommandOf('archive'),
      summary: 'runs the archive alone',
      mayOmitName: 'never',
    },
    tokenCommand,
    ...logCommands,
    simulateCommand,
  ],
  appendix: `
To see it work: holdfast up, then open the page that it names.
FILE is a log (holdfast-data/archive.db), or the folder that it is in.`,
  failureOf,
}

function failureOf(error: unknown, command: Command | undefined): Failure | undefined {
  if (error instanceof HoldfastError) return { exitCode: error.code === 'open-refused' ? 2 : 1 }
  const failure = archiveFailureOf(error) ?? signalFailureOf(error)
  if (failure?.exitCode !== 3) return failure
  const takesFolder = command?.flags.some(({ name }) => name === 'data') === true
  const advice = takesFolder
    ? 'Stop that one first, or take another folder: --data DIR.'
    : 'Stop that one first.'
  return { ...failure, advice }
}
