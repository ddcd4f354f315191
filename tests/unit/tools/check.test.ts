import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderWith, root, run, runNode, type Outcome } from './run.js'

/** Runs steps as `npm run check` does. */
function check(steps: readonly { name: string; command: string; says?: boolean }[]): Outcome {
  const module = JSON.stringify(join(root, 'scripts/check/steps.mjs'))
  const script = `import { runSteps } from ${module}
    process.exitCode = (await runSteps(${JSON.stringify(steps)})) ? 0 : 1`
  return runNode('--input-type=module', '--eval', script)
}

test('[HOUSE-7] passes when all steps do, without repeating what they said', () => {
  const { code, output } = check([
    { name: 'one', command: 'echo quiet' },
    { name: 'two', command: 'echo told', says: true },
  ])
  expect(output.match(/quiet/g)).toHaveLength(1) // in the line that names the command
  expect(output.match(/told/g)).toHaveLength(2)
  expect(output).toMatch(/passed +one .* s\npassed +two .* s\n$/)
  expect(code).toBe(0)
})

test('[HOUSE-7] runs what follows a failed step, shows its output, and fails', () => {
  const { code, output } = check([
    { name: 'one', command: 'echo the reason && exit 3' },
    { name: 'two', command: 'no-such-command-at-all' },
    { name: 'three', command: 'true' },
  ])
  expect(output).toContain('\nthe reason\n')
  expect(output).toMatch(/FAILED +one .*\nFAILED +two .*\npassed +three .*\n$/)
  expect(code).toBe(1)
})

test('[HOUSE-7] fails when there is nothing to run', () => {
  expect(check([]).code).toBe(1)
})

test('[HOUSE-7] names the steps when asked for one that it does not have', () => {
  const { code, output } = runNode('scripts/check.mjs', 'lint', 'spell')
  expect(output).toContain('no step spell; there are format, types, lint')
  expect(code).toBe(2)
})

/** A lock file with a client that stands on the peer, and these packages besides. */
function closure(packages: Readonly<Record<string, object>>, peerNeeds: object = {}): Outcome {
  const lock = {
    packages: {
      client: { name: '@holdfast/client', dependencies: { '@holdfast/peer': '1' } },
      peer: { name: '@holdfast/peer', dependencies: { lib0: '1' }, ...peerNeeds },
      'node_modules/@holdfast/peer': { link: true, resolved: 'peer' },
      'node_modules/lib0': {},
      ...packages,
    },
  }
  const folder = folderWith({ 'package-lock.json': JSON.stringify(lock) })
  return runNode('scripts/closure.mjs', '--root', folder)
}

test('[HOUSE-8] accepts a client that stands on plain JavaScript', () => {
  const { code, output } = closure({})
  expect(output).toContain('@holdfast/client installs @holdfast/peer, lib0\n')
  expect(code).toBe(0)
})

test('[HOUSE-8] rejects a native module, a build script and a platform, however deep', () => {
  const natives = [
    { dependencies: { bindings: '1' } },
    { hasInstallScript: true },
    { cpu: ['x64'] },
  ]
  for (const native of natives) {
    const { code, output } = closure({
      'node_modules/lib0': { optionalDependencies: { deep: '1' } },
      'node_modules/lib0/node_modules/deep': native,
    })
    expect(output).toMatch(/@holdfast\/client > @holdfast\/peer > lib0 > deep (is|runs)/)
    expect(code).toBe(1)
  }
})

test('[HOUSE-8] rejects what only a server needs, also as a required peer', () => {
  const { code, output } = closure({ 'node_modules/ws': {} }, { peerDependencies: { ws: '8' } })
  expect(output).toContain('@holdfast/peer > ws is a server dependency')
  expect(code).toBe(1)
})

test('[HOUSE-8] lets an optional peer be native: the app brings it or does not', () => {
  const { code } = closure(
    { 'node_modules/better-sqlite3': { hasInstallScript: true } },
    {
      peerDependencies: { 'better-sqlite3': '12' },
      peerDependenciesMeta: { 'better-sqlite3': { optional: true } },
    },
  )
  expect(code).toBe(0)
})

test("[HOUSE-8] finds nothing of that in this project's own lock file", () => {
  const { code, output } = runNode('scripts/closure.mjs')
  expect(output).toContain('@holdfast/client installs @holdfast/peer')
  expect(code).toBe(0)
})

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage {
  readonly hasInstallScript?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

test('[HOUSE-10] every install script in the lock file is allowed or refused by name', () => {
  const { packages } = readJson('package-lock.json') as Lock
  const { allowScripts } = readJson('package.json') as { allowScripts: Record<string, boolean> }
  const withScripts = Object.entries(packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([at]) => at.split('node_modules/').at(-1) ?? at)
  expect(new Set(Object.keys(allowScripts))).toEqual(new Set(withScripts))
})

test('[HOUSE-10] npm has nothing left to ask about install scripts', ({ skip }) => {
  const [major] = run('npm', ['--version']).output.match(/^\d+/m) ?? []
  skip(Number(major) < 11, 'npm below 11 does not ask')
  const { output } = run('npm', ['approve-scripts', '--allow-scripts-pending'])
  expect(output).toContain('No packages with unreviewed install scripts')
})

test('[HOUSE-11] the lock file misses no optional dependency of any platform', () => {
  const { packages } = readJson('package-lock.json') as Lock
  const locked = new Set(Object.keys(packages).map((at) => at.split('node_modules/').at(-1)))
  const wanted = Object.values(packages).flatMap((one) =>
    Object.keys(one.optionalDependencies ?? {}),
  )
  expect(wanted.length).toBeGreaterThan(50)
  expect(wanted.filter((name) => !locked.has(name))).toEqual([])
})

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}
