import { spawn, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import { runArchiveCommand } from '@holdfast/archive'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'

/** The program as it is built. */
export const binPath = resolve(import.meta.dirname, '../../../archive/dist/main.js')

export interface CommandOutcome {
  readonly code: number | null
  /** The result. */
  readonly out: string
  /** Progress, and what went wrong. */
  readonly error: string
}

/** Runs `holdfast-archive` with these arguments in this process: it starts in no time. */
export async function runInside(...args: readonly string[]): Promise<CommandOutcome> {
  let out = ''
  let error = ''
  const code = await runArchiveCommand(args, {
    env: {},
    version: '0.0.0',
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    terminal: {
      isLive: false,
      isScreen: false,
      hasColours: false,
      columns: 80,
      rows: 24,
      write: (text) => void (out += text),
      writeError: (text) => void (error += text),
      onInterrupt: () => () => {},
    },
  })
  return { code, out, error }
}

export interface BinRun {
  readonly child: ChildProcess
  readonly outcome: Promise<CommandOutcome>
}

/** Starts the program itself. */
export function startBin(...args: readonly string[]): BinRun {
  const child = spawn(process.execPath, [binPath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let error = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()))
  const outcome = new Promise<CommandOutcome>((settle, reject) => {
    child.once('error', reject)
    child.once('close', (code) => settle({ code, out, error }))
  })
  return { child, outcome }
}
