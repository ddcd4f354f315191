/** What each scenario has measured when it was last run: one file a scenario, in bench/results. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** One measured line. A figure without its peer or its floor is not a figure: say what stands beside. */
export interface Figure {
  /** Goal id where there is one (`A7`), else a short name. */
  readonly id: string
  readonly what: string
  /** What was measured, with its unit. */
  readonly figure: string
  /** What it is measured against, from the same run. */
  readonly beside?: string
  readonly goal?: string
  /** Whether the goal is reached; absent where there is none. */
  readonly met?: boolean
}

export interface Result {
  readonly name: string
  readonly machine: string
  /** Of the last minute, when it ended: beside how many others it was measured. */
  readonly load?: number
  /** The priority at which it ran: below 0 before those others. */
  readonly nice?: number
  readonly measuredAt: string
  readonly figures: readonly Figure[]
}

const folder = fileURLToPath(new URL('../results/', import.meta.url))

/** What this scenario wrote when it was last run. */
export function readResult(name: string): Result | undefined {
  const file = `${folder}${name}.json`
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Result) : undefined
}

/** All scenarios', by name. */
export function readResults(): readonly Result[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => JSON.parse(readFileSync(folder + file, 'utf8')) as Result)
}

export function writeResult(result: Result): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${result.name}.json`, `${JSON.stringify(result, null, 2)}\n`)
}
