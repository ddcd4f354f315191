import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
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

export interface Scenario {
  /** One line: what it does and about how long it takes. */
  readonly about: string
  /** Arguments after the scenario's name. Throws `UsageError` for those it does not know. */
  run(args: readonly string[]): Promise<readonly Figure[]>
}

/** What the caller typed does not make sense: the message says what would. */
export class UsageError extends Error {}

function machine(): string {
  const [cpu] = cpus()
  const gibibytes = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}, ${gibibytes} GiB, Node ${process.versions.node}`
}

/** Prints the table and writes the same as JSON beside it. */
export function report(name: string, figures: readonly Figure[]): void {
  const rows = [
    ['id', 'what', 'figure', 'beside', 'goal', ''],
    ...figures.map(({ id, what, figure, beside = '', goal = '', met }) => [
      id,
      what,
      figure,
      beside,
      goal,
      met === undefined ? '' : met ? 'met' : 'MISSED',
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  for (const row of rows) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
  console.log(`\n${machine()}`)
  const folder = fileURLToPath(new URL('../results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const result = { name, machine: machine(), measuredAt: new Date().toISOString(), figures }
  writeFileSync(`${folder}${name}.json`, `${JSON.stringify(result, null, 2)}\n`)
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** By linear interpolation between the two nearest values. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * fraction
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}
