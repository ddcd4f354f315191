import type { Command } from '@holdfast/command'
import { backupCommand } from './backup.js'
import { compactCommand } from './compact.js'
import { exportCommand } from './export.js'
import { importCommand } from './import.js'
import { inspectCommand } from './inspect.js'
import { restoreCommand } from './restore.js'
import { verifyCommand } from './verify.js'

/** Everything that can be done to a log's file. */
export const toolCommands: readonly Command[] = [
  inspectCommand,
  verifyCommand,
  backupCommand,
  restoreCommand,
  exportCommand,
  importCommand,
  compactCommand,
]
