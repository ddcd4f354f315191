// Runs the tests: `npm test`, or some of them: `npm test -- tests/unit/peer`.
//
// Files under tests/real, tests/browser and tests/native depend on more than our code: a WebRTC
// module whose native code can take its process along, a browser, real networks and real time on
// whatever else the machine does. When a few of these fail, they are run once more, by themselves,
// and the end says which needed it. What fails twice has failed. Everything else is deterministic
// and has one chance. HOLDFAST_RESULTS names a file for the report as JSON.

import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { runTests } from './test/run.mjs'
import { merge, needAnotherRun, summary } from './test/reports.mjs'

const root = process.cwd()
const first = await runTests(process.argv.slice(2))
const again = needAnotherRun(first, root)
let last = first
if (again.length > 0) {
  console.log(
    `\nonce more, by themselves:\n${again.map((file) => `  ${relative(root, file)}`).join('\n')}`,
  )
  last = merge(first, await runTests(again))
}
const resultsFile = process.env['HOLDFAST_RESULTS']
if (resultsFile)
  writeFileSync(resultsFile, JSON.stringify({ ...last.report, success: last.passed }))
if (again.length > 0) console.log(summary(last, again, root))
// Not by exitCode: a worker that hangs in native code must not keep the tests from ending.
process.exit(last.passed ? 0 : 1)
