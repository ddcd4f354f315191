import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { expect } from 'vitest'
import type { ProcessState } from '../children/process-state.js'

/** What one process keeps after its cycles beyond what it kept before. */
export interface Kept extends ProcessState {
  /** From its last word to its end. */
  readonly exitMs: number
}

/**
 * Runs a script of `tests/children` that tells its state before and after, and ends by itself.
 * libwebrtc for Node takes its process down now and then, with nothing of Holdfast in it too, and no
 * use of it is known that rules this out (docs/spec/links.md). If it does, it is said, and the
 * cycles run once more.
 */
export async function runCycles(script: string, ...args: (string | number)[]): Promise<Kept> {
  const first = await run(script, args)
  if (first.signal !== 'SIGSEGV') return keptBy(first)
  console.warn(`\n!!! ${first.what} was ended by SIGSEGV, in native code. ONCE MORE.\n`)
  return keptBy(await run(script, args))
}

interface Run {
  readonly what: string
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly said: string
  readonly exitMs: number
}

async function run(script: string, args: readonly (string | number)[]): Promise<Run> {
  const path = resolve(import.meta.dirname, `../dist/children/${script}.js`)
  const child = spawn(process.execPath, ['--expose-gc', path, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  let saidAtMs = 0
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    saidAtMs = performance.now()
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  const what = [script, ...args].join(' ')
  return { what, code, signal, said, exitMs: performance.now() - saidAtMs }
}

function keptBy({ what, code, signal, said, exitMs }: Run): Kept {
  expect({ what, code, signal }).toEqual({ what, code: 0, signal: null })
  const { before, after } = JSON.parse(said) as Record<'before' | 'after', ProcessState>
  return {
    residentBytes: after.residentBytes - before.residentBytes,
    heapBytes: after.heapBytes - before.heapBytes,
    descriptors: after.descriptors - before.descriptors,
    threads: after.threads - before.threads,
    resources: after.resources - before.resources,
    exitMs,
  }
}
