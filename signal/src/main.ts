#!/usr/bin/env node
/** The command `holdfast-signal`. */
import { processTerminal } from '@holdfast/command'
import { consoleLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { readFile } from 'node:fs/promises'
import { runSignalCommand } from './command/index.js'

const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
const { version } = JSON.parse(text) as { readonly version: string }
process.exitCode = await runSignalCommand(process.argv.slice(2), {
  version,
  terminal: processTerminal(),
  clock: systemClock,
  random: systemRandom,
  env: process.env,
  logger: consoleLogger,
})
