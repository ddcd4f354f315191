/** One page of all scenarios, from what each of them wrote when it was last run. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readResults, type Figure, type Result } from './results.js'

const page = fileURLToPath(new URL('../results.md', import.meta.url))

/** Writes `bench/results.md`. */
export function writeResultsPage(): void {
  writeFileSync(page, pageOf(readResults()))
}

function pageOf(results: readonly Result[]): string {
  return `# Results

Written by \`npm run bench -- <scenario>\` (and by \`npm run bench -- report\`) from \`bench/results/*.json\`, where each scenario keeps the figures of its last run. What the goals mean is in [docs/GOALS.md](../docs/GOALS.md). The machine is shared: compare figures with what stands beside them, from the same run; milliseconds alone say little.

${results.map(sectionOf).join('\n')}`
}

function sectionOf({ name, machine, load, nice = 0, measuredAt, figures }: Result): string {
  const on = `${machine}${load === undefined ? '' : `, load ${load.toFixed(1)} at the end`}${nice === 0 ? '' : `, at nice ${nice}`}`
  return `## ${name}

${on}; ${measuredAt.slice(0, 10)}

| id | what | figure | beside | goal | |
|---|---|---|---|---|---|
${figures.map(rowOf).join('\n')}
`
}

function rowOf({ id, what, figure, beside = '', goal = '', met }: Figure): string {
  const verdict = met === undefined ? '' : met ? 'met' : '**missed**'
  const cells = [id, what, figure, beside, goal, verdict]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
