import { processTerminal } from '@holdfast/command'
import { consoleLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { readFile } from 'node:fs/promises'
import { main } from './cli.js'

/** Runs the program in this process, with its arguments and on its terminal. */
export async function start(): Promise<void> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { readonly version: string }
  process.exitCode = await main(process.argv.slice(2), {
    version,
    terminal: processTerminal(),
    clock: systemClock,
    random: systemRandom,
    env: process.env,
    // The result goes to the console's one stream, what a log has to say to the other.
    logger: { ...consoleLogger, info: () => {} },
  })
}
