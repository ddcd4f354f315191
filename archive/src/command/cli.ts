import { runProgram, type CommandWorld, type ExitCode, type Program } from '@holdfast/command'
import { serveCommandOf } from './commands/serve.js'
import { toolCommands } from './commands/tools.js'
import { archiveFailureOf } from './failure.js'

/** Runs `holdfast-archive` with the words after its name, and gives the exit code. */
export function runArchiveCommand(
  words: readonly string[],
  world: CommandWorld,
): Promise<ExitCode> {
  return runProgram(words, program, world)
}

const program: Program = {
  name: 'holdfast-archive',
  summary: "Holdfast's archive, and the tools for its log",
  commands: [serveCommandOf('serve'), ...toolCommands],
  // Of `holdfast` and `holdfast-signal`, which read the same file.
  otherSections: ['up', 'signal', 'token', 'simulate'],
  failureOf: archiveFailureOf,
}
