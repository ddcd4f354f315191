/** The program `holdfast` in processes of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const built = join(dirname(createRequire(import.meta.url).resolve('holdfast')), 'main.js')

export interface HoldfastOutcome {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

/** Of its own environment the test's has no say in what it does. */
function ownEnv(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('HOLDFAST_'))
  return { ...Object.fromEntries(kept), ...env }
}

/** One of its commands, running. */
export class HoldfastProcess {
  readonly child: ChildProcess
  readonly outcome: Promise<HoldfastOutcome>
  output = ''
  errors = ''

  constructor(
    words: readonly string[],
    {
      cwd,
      env = {},
      program = built,
    }: {
      readonly cwd: string
      readonly env?: Readonly<Record<string, string>>
      /** Another one than the workspace's. */
      readonly program?: string
    },
  ) {
    this.child = spawn(process.execPath, [program, ...words], {
      cwd,
      env: ownEnv(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.on('data', (chunk: Buffer) => void (this.output += chunk.toString()))
    this.child.stderr?.on('data', (chunk: Buffer) => void (this.errors += chunk.toString()))
    this.outcome = once(this.child, 'close').then(([code]) => ({
      code: code as number | null,
      output: this.output,
      errors: this.errors,
    }))
  }

  /** Resolves with the match once it has printed such a thing; rejects if it ends without. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.output)
      if (found !== null) return found
      const more = this.child.stdout === null ? undefined : once(this.child.stdout, 'data')
      const ended = await Promise.race([more?.then(() => undefined), this.outcome])
      if (ended !== undefined && pattern.exec(this.output) === null) {
        throw new Error(`it ended with ${ended.code}: ${ended.output}${ended.errors}`)
      }
    }
  }

  /** As a supervisor, or somebody at a keyboard, does. */
  end(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<HoldfastOutcome> {
    this.child.kill(signal)
    return this.outcome
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.outcome
  }
}

/** A command that ends by itself. */
export function holdfast(
  words: readonly string[],
  where: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<HoldfastOutcome> {
  return new HoldfastProcess(words, where).outcome
}
