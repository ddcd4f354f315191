#!/usr/bin/env node
/** The command `holdfast-archive`. */
import { processTerminal } from '@holdfast/command'
import { consoleLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { readFile } from 'node:fs/promises'
import { runArchiveCommand } from './command/cli.js'

const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
const { version } = JSON.parse(text) as { readonly version: string }
process.exitCode = await runArchiveCommand(process.argv.slice(2), {
  version,
  terminal: processTerminal(),
  clock: systemClock,
  random: systemRandom,
  env: process.env,
  // The result goes to the console's one stream, what the log has to say to the other.
  logger: { ...consoleLogger, info: () => {} },
})
