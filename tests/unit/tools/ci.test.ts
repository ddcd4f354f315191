import { expect, test } from 'vitest'
import { copyFromProject, folderWith, run, type Outcome } from './run.js'

/** Runs `.ci/run` where `npm` is a script of ours that plays the test run. */
function ci(npmScript: string, readme = '```sh\nnpm ci && npm test\n```\n'): Outcome {
  const folder = folderWith({ 'README.md': readme })
  copyFromProject(folder, ['.ci'])
  const bin = folderWith({ npm: `#!/usr/bin/env bash\n[ "$1" = test ] || exit 0\n${npmScript}\n` })
  run('chmod', ['+x', `${bin}/npm`])
  return run('bash', ['.ci/run'], { cwd: folder, env: { PATH: `${bin}:${process.env['PATH']}` } })
}

/** The line that leaves a report with these numbers, as vitest's JSON reporter writes it. */
function leaves(report: object): string {
  return `echo '${JSON.stringify(report)}' > "$HOLDFAST_RESULTS"`
}

const all = { numPassedTests: 12, numFailedTests: 0, numPendingTests: 2, numTodoTests: 1 }

test("[HOUSE-9] runs the README's test command and closes with the runner's numbers", () => {
  const { code, output } = ci(leaves(all))
  expect(output).toContain('+ npm ci && npm test\n')
  expect(output.endsWith('\n12 passed, 0 failed, 3 skipped\n')).toBe(true)
  expect(code).toBe(0)
})

test('[HOUSE-9] runs without a terminal, as CI', () => {
  const { output } = ci(`read -r line; echo "read $?, CI=$CI"\n${leaves(all)}`)
  expect(output).toContain('read 1, CI=true')
})

test('[HOUSE-9] fails when a test failed', () => {
  const { code, output } = ci(`${leaves({ ...all, numFailedTests: 3 })}\nexit 1`)
  expect(output.endsWith('\n12 passed, 3 failed, 3 skipped\n')).toBe(true)
  expect(code).toBe(1)
})

test('[HOUSE-9] counts a file that could not be loaded as a failure', () => {
  const testResults = [{ name: 'broken.test.ts', status: 'failed', assertionResults: [] }]
  const { code, output } = ci(leaves({ ...all, testResults }))
  expect(
    output.endsWith('could not be loaded: broken.test.ts\n12 passed, 1 failed, 3 skipped\n'),
  ).toBe(true)
  expect(code).toBe(1)
})

test('[HOUSE-9] fails when nothing ran, though nothing failed', () => {
  const { code, output } = ci(leaves({ ...all, numPassedTests: 0 }))
  expect(output.endsWith('\n0 passed, 0 failed, 3 skipped\n')).toBe(true)
  expect(code).toBe(1)
})

test('[HOUSE-9] fails when the command did, whatever the report says', () => {
  const { code, output } = ci(`${leaves(all)}\nexit 7`)
  expect(output).toContain('the test command ended with 7')
  expect(code).toBe(1)
})

test('[HOUSE-9] fails when the runner left no report', () => {
  const { code, output } = ci('exit 0')
  expect(output.endsWith('the test runner left no report\n0 passed, 0 failed, 0 skipped\n')).toBe(
    true,
  )
  expect(code).toBe(1)
})

test('[HOUSE-9] fails when the README names no test command', () => {
  const { code, output } = ci(leaves(all), 'Run the tests somehow.')
  expect(output).toContain('0 passed, 0 failed, 0 skipped')
  expect(code).toBe(1)
})
