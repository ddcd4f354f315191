// Prints the closing line from vitest's JSON report, and exits with what CI should make of it.
//
//   node .ci/results.mjs <report> <exit code of the test command>

import { readFileSync } from 'node:fs'

const [file, commandCode] = process.argv.slice(2)
const report = readReport()
const passed = report?.numPassedTests ?? 0
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
// A file that could not be loaded counts as one failure: its tests never came to be.
const unloaded = (report?.testResults ?? []).filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
)
// A test whose process died before it: vitest leaves it pending and counts it nowhere.
const unfinished = (report?.testResults ?? [])
  .flatMap(({ assertionResults }) => assertionResults)
  .filter(({ status }) => status === 'pending').length
const failed = (report?.numFailedTests ?? 0) + unloaded.length + unfinished

for (const { name } of unloaded) console.log(`could not be loaded: ${name}`)
if (unfinished > 0) console.log(`${unfinished} tests ended without a result`)
if (report === undefined) console.log('the test runner left no report')
if (commandCode !== '0') console.log(`the test command ended with ${commandCode}`)
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = commandCode === '0' && failed === 0 && passed > 0 ? 0 : 1

function readReport() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined // empty or missing: the command died before the runner could write
  }
}
