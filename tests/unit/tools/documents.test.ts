import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './run.js'

const skipped = new Set(['node_modules', 'dist', '.git', 'holdfast-data'])

/** Every Markdown file of the project, relative to its root. */
function documents(folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return documents(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

test('[HOUSE-12] every link between documents leads to a file', () => {
  const broken: string[] = []
  let links = 0
  for (const document of documents()) {
    for (const [, target = ''] of read(document).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      links++
      const path = join(dirname(document), target.replace(/#.*$/, ''))
      if (!existsSync(join(root, path))) broken.push(`${document}: ${target}`)
    }
  }
  expect(links).toBeGreaterThan(20)
  expect(broken).toEqual([])
})

test('[HOUSE-12] every npm script that a document names is there', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const named = documents().flatMap((document) =>
    [...read(document).matchAll(/`(?:npm ci && )?npm (?:run )?(start|test|(?<=run )[a-z:]+)/g)].map(
      ([, script = '']) => script,
    ),
  )
  expect(named).toContain('test')
  expect(named).toContain('check')
  expect([...new Set(named)].filter((script) => scripts[script] === undefined)).toEqual([])
})

test('[HOUSE-12] every room in the table of who knows whom is a folder', () => {
  const table = read('scripts/lint/rooms.mjs')
  const folders = [...table.matchAll(/folder: '([^']+)'/g)].map(([, folder = '']) => folder)
  expect(folders).toContain('peer/src/protocol')
  expect(folders.filter((folder) => !existsSync(join(root, folder)))).toEqual([])
})
