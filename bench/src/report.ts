import { cpus, getPriority, loadavg, totalmem } from 'node:os'
import { writeResultsPage } from './results-page.js'
import { readResult, writeResult, type Figure } from './results.js'

export type { Figure }

export interface Scenario {
  /** Figures of the last run whose ids this one has not measured stay, where it ran on this machine. */
  readonly keepsOthers?: boolean
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

/** Prints the table, writes the same as JSON beside it, and the page of all scenarios anew. */
export function report(
  name: string,
  measured: readonly Figure[],
  { keepsOthers = false }: Partial<Scenario> = {},
): void {
  const figures = keepsOthers ? withOthers(name, measured) : measured
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
  const [load = Number.NaN] = loadavg()
  console.log(`\n${machine()}, load ${load.toFixed(1)} at the end`)
  writeResult({
    name,
    machine: machine(),
    load,
    nice: getPriority(),
    measuredAt: new Date().toISOString(),
    figures,
  })
  writeResultsPage()
}

/** `M4-direct` belongs to `M4`; `ingest-100` is itself. */
function goalOf({ id }: Figure): string {
  return /^[A-Z]\d+(?=-)/.exec(id)?.[0] ?? id
}

function withOthers(name: string, measured: readonly Figure[]): readonly Figure[] {
  const last = readResult(name)
  if (last === undefined || last.machine !== machine()) return measured
  const goals = new Set(measured.map(goalOf))
  const kept = last.figures.filter((figure) => !goals.has(goalOf(figure)))
  return [...measured, ...kept].toSorted((a, b) => goalOf(a).localeCompare(goalOf(b)))
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
