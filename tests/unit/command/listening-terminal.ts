import type { CommandWorld, Terminal } from '@holdfast/command'
import { silentLogger, systemClock, systemRandom, type Clock } from '@holdfast/peer/ports'

export interface Outcome {
  readonly code: number
  readonly output: string
  readonly errors: string
  /** That the command let pass. */
  readonly waitedMs: number
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly terminal?: Partial<Terminal>
  /** After each time that the command has written something. */
  readonly onWrite?: () => void
}

/** Runs a command line in this process, on a terminal that listens, with a clock that never waits. */
export async function runOn(
  run: (world: CommandWorld) => Promise<number>,
  { env = {}, terminal = {}, onWrite }: Surroundings = {},
): Promise<Outcome> {
  let output = ''
  let errors = ''
  let waitedMs = 0
  const clock: Clock = {
    ...systemClock,
    after(ms, callback) {
      waitedMs += ms
      return systemClock.after(0, callback)
    },
  }
  const code = await run({
    version: '1.2.3',
    clock,
    random: systemRandom,
    env: { HOLDFAST_CONFIG: 'off', ...env },
    logger: silentLogger,
    terminal: {
      isLive: false,
      isScreen: false,
      hasColours: false,
      columns: 80,
      rows: 24,
      onInterrupt: () => () => {},
      ...terminal,
      write(text) {
        output += text
        onWrite?.()
      },
      writeError: (text) => void (errors += text),
    },
  })
  return { code, output, errors, waitedMs }
}
