import { expect, test } from 'vitest'
import { folderWith, runNode, type Outcome } from './run.js'

const rules = '| id | rule |\n|---|---|\n| TOY-1 | It spins. |\n| TOY-2 | It hums. |\n'
const failures =
  '| id | wrong | hold | area | status |\n|---|---|---|---|---|\n' +
  '| L1 | it stops | it goes on | toys | claimed |\n| L2 | it falls | it stands | toys | open |\n'
const tests =
  "test('[TOY-1] spins', () => {})\ntest.each([1])(`[TOY-2] [L1] hums ${1}`, () => {})\n"

function spec(files: Readonly<Record<string, string>>): Outcome {
  return runNode('scripts/spec.mjs', '--root', folderWith(files))
}

test('[HOUSE-6] accepts documents and tests that agree, and prints what is open', () => {
  const { code, output } = spec({
    'docs/SPEC.md': rules,
    'docs/FAILURES.md': failures,
    'tests/unit/toy.test.ts': tests,
  })
  expect(output).toMatch(/toys +L2\n/)
  expect(output).toContain('2 rules, 1 failures claimed and 1 open')
  expect(output).toContain('2 tests in 1 files; 0 faults')
  expect(code).toBe(0)
})

test('[HOUSE-6] rejects a rule without a test, from the main page and from a fragment', () => {
  const { code, output } = spec({
    'docs/SPEC.md': `${rules}[more](spec/more.md)\n`,
    'docs/spec/more.md': '| id | rule |\n|---|---|\n| MORE-1 | It is round. |\n',
    'tests/unit/toy.test.ts': "it('[TOY-1] spins', () => {})\n",
  })
  expect(output).toContain('docs/SPEC.md:4 TOY-2 has no test')
  expect(output).toContain('docs/spec/more.md:3 MORE-1 has no test')
  expect(code).toBe(1)
})

test('[HOUSE-6] rejects a claimed failure without a test, and accepts an open one', () => {
  const { code, output } = spec({
    'docs/FAILURES.md': failures,
    'tests/unit/toy.test.ts': '',
  })
  expect(output).toContain('L1 has no test')
  expect(output).not.toContain('L2 has no test')
  expect(code).toBe(1)
})

test('[HOUSE-6] does not count a skipped test as one', () => {
  const { code, output } = spec({
    'docs/SPEC.md': rules,
    'tests/unit/toy.test.ts': tests.replace('test(', 'test.skip('),
  })
  expect(output).toContain('TOY-1 has no test')
  expect(code).toBe(1)
})

test('[HOUSE-6] rejects a test that names no id, an unknown id, or a computed title', () => {
  const { code, output } = spec({
    'docs/SPEC.md': rules,
    'docs/FAILURES.md': failures,
    'tests/unit/toy.test.ts': tests,
    'tests/contract/toy.ts':
      "test('spins [TOY-1]', f)\ntest('[TOY-1] [L99] spins', f)\ntest.only(title, f)\n",
  })
  expect(output).toContain("tests/contract/toy.ts:1 names no rule: 'spins [TOY-1]'")
  expect(output).toContain('tests/contract/toy.ts:2 names L99, which no document defines')
  expect(output).toContain('tests/contract/toy.ts:3 has a title that is not written out')
  expect(code).toBe(1)
})

test('[HOUSE-6] rejects an id that is defined twice and a status that it does not know', () => {
  const { code, output } = spec({
    'docs/SPEC.md': `${rules}| TOY-1 | It spins again. |\n`,
    'docs/FAILURES.md': failures.replace('open', 'perhaps'),
    'tests/unit/toy.test.ts': tests,
  })
  expect(output).toContain('docs/SPEC.md:5 defines TOY-1, which docs/SPEC.md:3 defines already')
  expect(output).toContain("L2: the last column is neither 'claimed' nor 'open'")
  expect(code).toBe(1)
})

test('[HOUSE-6] rejects a page of rules that the main page does not lead to', () => {
  const { code, output } = spec({
    'docs/SPEC.md': rules,
    'docs/spec/more.md': '# More\n',
    'tests/unit/toy.test.ts': tests,
  })
  expect(output).toContain('docs/SPEC.md does not link to spec/more.md')
  expect(code).toBe(1)
})

test('[HOUSE-6] is not misled by other calls named test', () => {
  const { output } = spec({
    'tests/unit/toy.test.ts': "/x/.test('y')\nexpect(pattern.test('[TOY-7] no')).toBe(true)\n",
  })
  expect(output).toContain('0 tests in 1 files; 0 faults')
})
