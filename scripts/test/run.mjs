import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startVitest } from 'vitest/node'

/**
 * @typedef {object} Run
 * @property {boolean} passed every test of every file, and nothing was thrown beside them
 * @property {number} strayErrors what was thrown beside the tests, other than by a process that died
 * @property {any} report vitest's own, as JSON
 */

/**
 * Runs the files whose paths contain one of the filters, or all.
 *
 * @param {readonly string[]} filters
 * @returns {Promise<Run>}
 */
export async function runTests(filters) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tests-'))
  const outputFile = join(folder, 'report.json')
  try {
    const vitest = await startVitest('test', [...filters], {
      watch: false,
      reporters: ['default', ['json', { outputFile }]],
    })
    const errors = vitest.state.getUnhandledErrors()
    await vitest.close()
    const report = JSON.parse(readFileSync(outputFile, 'utf8'))
    return {
      passed: process.exitCode === undefined || process.exitCode === 0,
      strayErrors: errors.filter((error) => !isDeadProcess(error)).length,
      report,
    }
  } finally {
    // vitest says by it how the run ended; what the whole comes to is said at the end.
    process.exitCode = undefined
    rmSync(folder, { recursive: true })
  }
}

function isDeadProcess(error) {
  return /Worker exited unexpectedly/.test(String(error?.cause?.message))
}
