/*
 * npm run bench -- <scenario> [options]
 *
 * Runs one scenario, prints its figures with their goals and the machine's name, writes them as JSON
 * to bench/results, and all of them as a page, bench/results.md. `report` writes the page alone.
 */
import { report, UsageError, type Scenario } from './report.js'
import { writeResultsPage } from './results-page.js'

/** Loaded when asked for: one scenario's dependencies are not another's. */
const scenarios: Readonly<Record<string, () => Promise<Scenario>>> = {
  archive: async () => (await import('./archive-scenario.js')).scenario,
  client: async () => (await import('./client.js')).scenario,
  compaction: async () => (await import('./compaction-scenario.js')).scenario,
  log: async () => (await import('./log-scenario.js')).scenario,
  mesh: async () => (await import('./mesh-scenario.js')).scenario,
  reader: async () => (await import('./reader-scenario.js')).scenario,
  signal: async () => (await import('./signal.js')).scenario,
  size: async () => (await import('./size-scenario.js')).scenario,
}

const [name, ...args] = process.argv.slice(2)
const load = name === undefined ? undefined : scenarios[name]
if (name === 'report') writeResultsPage()
else if (name === undefined || load === undefined) {
  if (name !== undefined && name !== '--help') console.error(`No scenario is called ${name}.\n`)
  await printUsage()
  process.exitCode = name === '--help' ? 0 : 2
} else if (args.includes('--help')) console.log(`${name}: ${(await load()).about}`)
else {
  try {
    const scenario = await load()
    report(name, await scenario.run(args), scenario)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(error.message)
    process.exitCode = 2
  }
}

async function printUsage(): Promise<void> {
  console.log('npm run bench -- <scenario> [options]\n')
  console.log(`  ${'report'.padEnd(10)} the page of all results, written anew`)
  for (const [name, load] of Object.entries(scenarios)) {
    const { about } = await load()
    console.log(`  ${name.padEnd(10)} ${about}`)
  }
}
