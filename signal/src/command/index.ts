/** The signaller's commands, for programs that have more of them. */
import { runProgram, type CommandWorld, type ExitCode, type Program } from '@holdfast/command'
import { signalFailureOf } from './failure.js'
import { serveCommandOf } from './serve.js'
import { tokenCommand } from './token.js'

export { signalFailureOf } from './failure.js'
export { iceFlags, iceOf, secretOfTurn } from './ice-options.js'
export { signalLimitNames, signalLimitsOf } from './limits.js'
export { serveCommandOf } from './serve.js'
export { tokenCommand } from './token.js'

/** Runs `holdfast-signal` with the words after its name, and gives the exit code. */
export function runSignalCommand(words: readonly string[], world: CommandWorld): Promise<ExitCode> {
  return runProgram(words, program, world)
}

const program: Program = {
  name: 'holdfast-signal',
  summary: "Holdfast's signalling server",
  commands: [{ ...serveCommandOf('serve'), mayOmitName: 'always' }, tokenCommand],
  // Of `holdfast` and `holdfast-archive`, which read the same file.
  otherSections: ['up', 'archive', 'simulate', 'inspect', 'verify', 'backup'].concat([
    'restore',
    'export',
    'import',
    'compact',
  ]),
  failureOf: signalFailureOf,
}
