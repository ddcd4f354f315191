import { inspectCommand as inspectFileCommand, toolCommands } from '@holdfast/archive/command'
import type { Command } from '@holdfast/command'
import { inspectCommand } from './inspect.js'

/** What can be done to a log's file; of the archive's own tools one more may be pointed at a server. */
export const logCommands: readonly Command[] = toolCommands.map((command) =>
  command === inspectFileCommand ? inspectCommand : command,
)
