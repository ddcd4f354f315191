import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  againstTheArrows,
  allowed,
  argued,
  badTests,
  cycles,
  everywhere,
  reachingOutByImport,
} from './plantings.js'
import { copyFromProject, makeFolder, root, run, write } from './run.js'

// Checks the checker: a small copy of the house, with the same configuration, in which each kind of
// violation is planted once, in a file of its own. One lint run looks at all of them.

describe('a house with violations', () => {
  let findings: readonly Finding[] = []

  beforeAll(() => {
    const house = copyOfTheHouse()
    const planted = [againstTheArrows, cycles, everywhere, reachingOutByImport, argued, badTests]
    for (const { path, code } of planted.flat()) write(house, path, `${code}\n`)
    for (const [path, code] of Object.entries(allowed)) write(house, path, `${code}\n`)
    findings = lint(house)
    return () => rmSync(house, { recursive: true, force: true })
  })

  function findingsIn(path: string): string {
    return findings
      .filter((finding) => finding.path === path)
      .map(({ code, message }) => `${code} ${message}`)
      .join('\n')
  }

  for (const { what, path, found } of againstTheArrows) {
    test(`[HOUSE-1] rejects ${what}`, () => expect(findingsIn(path)).toContain(found))
  }
  for (const { what, path, found } of cycles) {
    test(`[HOUSE-2] rejects ${what}`, () => expect(findingsIn(path)).toContain(found))
  }
  for (const { what, path, found } of [...everywhere, ...reachingOutByImport]) {
    test(`[HOUSE-3] rejects ${what}`, () => expect(findingsIn(path)).toContain(found))
  }
  for (const { what, path, found } of argued) {
    test(`[HOUSE-4] rejects ${what}`, () => expect(findingsIn(path)).toContain(found))
  }
  for (const { what, path, found } of badTests) {
    test(`[HOUSE-5] rejects ${what}`, () => expect(findingsIn(path)).toContain(found))
  }
  for (const path of Object.keys(allowed)) {
    test(`[HOUSE-1] [HOUSE-3] leaves ${path} in peace`, () => expect(findingsIn(path)).toBe(''))
  }
})

test('[HOUSE-1] [HOUSE-2] [HOUSE-3] finds no import and no reach of the wrong kind in this house', () => {
  const kinds = ['holdfast(direction)', 'import(no-cycle)', 'eslint(no-restricted-globals)']
  kinds.push('eslint(no-restricted-properties)', 'eslint(no-restricted-imports)')
  expect(lint(root).filter(({ code }) => kinds.includes(code))).toEqual([])
})

interface Finding {
  readonly path: string
  readonly code: string
  readonly message: string
}

function lint(folder: string): readonly Finding[] {
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
  const { output } = run(process.execPath, [oxlint, '--format', 'json'], { cwd: folder })
  const report = JSON.parse(output) as {
    diagnostics: { filename: string; code?: string; message: string }[]
  }
  return report.diagnostics.map(({ filename, code = '', message }) => ({
    path: filename,
    code,
    message,
  }))
}

/** What the linter needs of the project, with no source in it yet. */
function copyOfTheHouse(): string {
  const house = makeFolder()
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly workspaces: readonly string[]
  }
  copyFromProject(house, ['.oxlintrc.json', 'scripts/lint', 'package.json', 'tsconfig.base.json'])
  for (const folder of workspaces) {
    const files = [`${folder}/package.json`, `${folder}/tsconfig.json`]
    copyFromProject(
      house,
      files.filter((file) => existsSync(join(root, file))),
    )
  }
  symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'))
  return house
}
