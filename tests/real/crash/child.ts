/*
 * A process that works, tells by descriptor 3 what it was promised, and is killed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Readable } from 'node:stream'

export interface ChildRun {
  /** Of a script in tests/children. */
  readonly script: string
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** How long after its first word it is killed. */
  readonly killAfterMs: number
}

export interface ChildEnd {
  /** All that it has told. */
  readonly told: Buffer
  /** `SIGKILL`, or whatever else ended it: then something is wrong. */
  readonly ending: string
  /** What it has printed: nothing, if all is well. */
  readonly printed: string
}

/** Starts the process, waits for its first word, and kills it a while after. */
export async function runAndKill(run: ChildRun): Promise<ChildEnd> {
  const script = resolve(import.meta.dirname, '../../dist/children', `${run.script}.js`)
  const child = spawn(process.execPath, [script, ...run.args], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...run.environment },
  })
  const printed: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => printed.push(chunk))
  const pipe = child.stdio[3] as Readable
  const told: Buffer[] = []
  pipe.on('data', (chunk: Buffer) => told.push(chunk))
  const closed = once(child, 'close') as Promise<[number | null, string | null]>
  const hasStarted = await Promise.race([once(pipe, 'data').then(() => true), closed])
  if (hasStarted === true) {
    // Not a wait for something to happen: the moment of the crash.
    await delay(run.killAfterMs)
    child.kill('SIGKILL')
  }
  const [code, signal] = await closed
  return {
    told: Buffer.concat(told),
    ending: signal ?? `exit ${code}`,
    printed: Buffer.concat(printed).toString(),
  }
}
