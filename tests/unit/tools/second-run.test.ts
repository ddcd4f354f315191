import { readFileSync, symlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { copyFromProject, folderWith, run, type Outcome } from './run.js'

const title = "import { expect, test } from 'vitest'\n"
const right = `${title}test('right', () => expect(1).toBe(1))\n`
const wrong = `${title}test('wrong', () => expect(1).toBe(2))\n`
/** Takes its process along, as native code does, but only the first time. */
const diesOnce = `${title}import { existsSync, writeFileSync } from 'node:fs'
test('before', () => expect(1).toBe(1))
test('dies', () => {
  if (existsSync('died')) return
  writeFileSync('died', '')
  process.kill(process.pid, 'SIGKILL')
})
`

test('[HOUSE-16] a process that died under a test of the real world is given a second one, and the end says so', () => {
  const { code, output, report } = tested({
    'tests/unit/right.test.ts': right,
    'tests/real/dies.test.ts': diesOnce,
  })
  expect(output).toContain('needed a second run and passed it:\n  tests/real/dies.test.ts\n')
  expect(report).toMatchObject({ success: true, numPassedTests: 3, numFailedTests: 0 })
  expect(code).toBe(0)
})

test('[HOUSE-16] what fails twice has failed', () => {
  const { code, output, report } = tested({
    'tests/unit/right.test.ts': right,
    'tests/browser/wrong.test.ts': wrong,
  })
  expect(output).toContain('run twice:\n  tests/browser/wrong.test.ts\n')
  expect(report).toMatchObject({ success: false, numPassedTests: 1, numFailedTests: 1 })
  expect(code).toBe(1)
})

test('[HOUSE-16] what depends on our code alone has one chance, and so has everything beside it', () => {
  const { code, output, report } = tested({
    'tests/unit/dies.test.ts': diesOnce,
    'tests/real/right.test.ts': right,
  })
  expect(output).not.toContain('once more')
  expect(report).toMatchObject({ success: false })
  expect(code).toBe(1)
})

/** What `npm test` makes of these files. */
function tested(files: Readonly<Record<string, string>>): Outcome & { readonly report: unknown } {
  const folder = folderWith({ 'package.json': '{ "type": "module" }', ...files })
  copyFromProject(folder, ['scripts', 'vitest.config.ts'])
  symlinkSync(resolve(import.meta.dirname, '../../../node_modules'), `${folder}/node_modules`)
  const results = `${folder}/results.json`
  const outcome = run(process.execPath, ['scripts/test.mjs'], {
    cwd: folder,
    env: { HOLDFAST_RESULTS: results },
  })
  return { ...outcome, report: JSON.parse(readFileSync(results, 'utf8')) }
}
