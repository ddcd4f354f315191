import { relative, sep } from 'node:path'

/** @import { Run } from './run.mjs' */

/** More than a few failures are no accident of the machine. */
const maxFilesAgain = 3

/**
 * The files to run once more: all that failed, if they are few and every one of them depends on the
 * real world. None, if anything else went wrong.
 *
 * @param {Run} run
 * @param {string} root
 * @returns {readonly string[]}
 */
export function needAnotherRun(run, root) {
  if (run.passed || run.strayErrors > 0) return []
  const failed = run.report.testResults.filter((file) => !passed(file)).map(({ name }) => name)
  const isOfRealWorld = (file) =>
    /^tests\/(real|browser|native)\//.test(relative(root, file).split(sep).join('/'))
  return failed.length <= maxFilesAgain && failed.every(isOfRealWorld) ? failed : []
}

/**
 * The first run with its failed files replaced by how they did in the second.
 *
 * @param {Run} first
 * @param {Run} second
 * @returns {Run}
 */
export function merge(first, second) {
  const testResults = first.report.testResults.map(
    (file) => second.report.testResults.find(({ name }) => name === file.name) ?? file,
  )
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  const count = (status) => tests.filter((test) => test.status === status).length
  return {
    passed: second.passed && second.strayErrors === 0 && testResults.every(passed),
    strayErrors: first.strayErrors + second.strayErrors,
    report: {
      ...first.report,
      numTotalTests: tests.length,
      numPassedTests: count('passed'),
      numFailedTests: count('failed'),
      numPendingTests: count('skipped'),
      numTodoTests: count('todo'),
      testResults,
    },
  }
}

/** What is to be read after everything else, where files were run twice. */
export function summary(run, again, root) {
  const { numPassedTests, numFailedTests } = run.report
  const files = again.map((file) => `  ${relative(root, file)}`).join('\n')
  const end = run.passed ? 'needed a second run and passed it' : 'run twice'
  return `\n${end}:\n${files}\nboth runs together: ${numPassedTests} passed, ${numFailedTests} failed`
}

/** A test without a result is one whose process died before it. */
function passed({ status, assertionResults }) {
  return (
    status === 'passed' &&
    assertionResults.every((test) => ['passed', 'skipped', 'todo'].includes(test.status))
  )
}
