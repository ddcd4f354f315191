import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root, runNode } from './run.js'

test('[HOUSE-14] docs/CLIENT-API.md is what the comments in the code say', () => {
  const { code, output } = runNode('scripts/api-document.mjs')
  expect(output).toContain('is as the code is')
  expect(code).toBe(0)
})

test('[HOUSE-14] names everything that the entry point of the client exports', () => {
  const page = readFileSync(join(root, 'docs/CLIENT-API.md'), 'utf8')
  for (const name of ['createClient', 'Client', 'Collection', 'Document', 'ClientError']) {
    expect(page).toContain(`### ${name}\n`)
  }
})
