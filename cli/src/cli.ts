import { runSignalCommand } from '@holdfast/signal/command'
import { readFile } from 'node:fs/promises'
import { parseArguments } from './arguments.js'
import type { Terminal } from './terminal.js'
import { up } from './up.js'

const help = `holdfast: local-first sync for Yjs

  holdfast up             shows a simulated mesh converge over a lossy network
           --seed N       the same run again: a number or a word
  holdfast signal         runs the signalling server      (signal --help: its flags)
  holdfast token          prints a token for clients      (token --help: its flags)
  holdfast --help         this
  holdfast --version

There is no archive server yet: 'up' runs peers, network and disks in this process, on virtual
time. 'holdfast-archive' has the tools for an archive's log.
`

/** Runs one command and gives the exit code: 0 done, 1 it failed, 2 it was asked for wrongly. */
export async function main(given: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  const [command] = given
  if (command === 'signal') return runSignalCommand(given.slice(1), 'holdfast signal')
  if (command === 'token') return runSignalCommand(given, 'holdfast token')
  const request = parseArguments(given)
  if (request.command === 'up') return up(request.seed, terminal)
  if (request.command === 'mistake') {
    terminal.writeError(`${request.answer}\n`)
    return 2
  }
  terminal.write(request.command === 'version' ? `${await ownVersion()}\n` : help)
  return 0
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}
