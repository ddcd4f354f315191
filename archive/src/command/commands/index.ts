import type { Command } from '../spec.js'
import { backupCommand } from './backup.js'
import { compactCommand } from './compact.js'
import { exportCommand } from './export.js'
import { importCommand } from './import.js'
import { inspectCommand } from './inspect.js'
import { serveCommand } from './serve.js'
import { verifyCommand } from './verify.js'

export const commands: readonly Command[] = [
  serveCommand,
  inspectCommand,
  verifyCommand,
  backupCommand,
  exportCommand,
  importCommand,
  compactCommand,
]
