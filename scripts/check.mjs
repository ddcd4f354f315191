// One command that checks everything: `npm run check`, or some of it: `npm run check -- lint types`.
// Each step runs, also when an earlier one failed; the table at the end says what did.

import { runSteps } from './check/steps.mjs'

const steps = [
  { name: 'format', command: 'oxfmt --check' },
  { name: 'types', command: 'tsc -b' },
  { name: 'lint', command: 'oxlint' },
  { name: 'unused', command: 'knip --treat-config-hints-as-errors' },
  { name: 'packages', command: 'node scripts/packages.mjs && node scripts/closure.mjs' },
  { name: 'spec', command: 'node scripts/spec.mjs', says: true },
  { name: 'tests', command: 'node scripts/browser.mjs && node scripts/test.mjs', says: true },
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => steps.every((step) => step.name !== name))
if (unknown.length > 0) {
  console.error(
    `check: no step ${unknown.join(', ')}; there are ${steps.map(({ name }) => name).join(', ')}`,
  )
  process.exit(2)
}
const chosen = steps.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
process.exitCode = (await runSteps(chosen)) ? 0 : 1
