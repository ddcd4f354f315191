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
  readonly kill: KillMoment
}

/**
 * So long after the process was started, or once it has told so much: that is as far into its work on
 * a slow machine as on a fast one.
 */
export type KillMoment =
  | { readonly after: 'start'; readonly delayMs: number }
  | { readonly after: 'words'; readonly bytes: number }

export interface ChildEnd {
  /** All that it has told. */
  readonly told: Buffer
  /** `SIGKILL`, or whatever else ended it: then something is wrong. */
  readonly ending: string
  /** What it has printed: nothing, if all is well. */
  readonly printed: string
}

/** Starts the process, and kills it at that moment. Never kills anything else. */
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
  if (run.kill.after === 'start') await delay(run.kill.delayMs)
  else await Promise.race([hasTold(pipe, run.kill.bytes), closed, delay(maxSilenceMs)])
  const isLate = run.kill.after === 'words' && lengthOf(told) < run.kill.bytes
  child.kill('SIGKILL')
  const [code, signal] = await closed
  if (isLate && signal === 'SIGKILL') {
    throw new Error(
      `in ${maxSilenceMs} ms it told only ${lengthOf(told)} bytes: ${String(told.at(-1))}`,
    )
  }
  return {
    told: Buffer.concat(told),
    ending: signal ?? `exit ${code}`,
    printed: Buffer.concat(printed).toString(),
  }
}

/** A process that works tells in a second what is waited for here; a busy machine takes its time. */
const maxSilenceMs = 60_000

function lengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0)
}

function hasTold(pipe: Readable, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let told = 0
    pipe.on('data', (chunk: Buffer) => {
      told += chunk.length
      if (told >= bytes) resolve()
    })
  })
}
