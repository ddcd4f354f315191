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

/** Runs a script of `tests/children` that tells its state before and after, and ends by itself. */
export async function runCycles(script: string, ...args: (string | number)[]): Promise<Kept> {
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
  const [code] = (await once(child, 'exit')) as [number | null]
  const exitMs = performance.now() - saidAtMs
  expect(code).toBe(0)
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
