import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

test('[LINKS-12] the browser on the path is found, and CHROME_PATH comes before it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'browser-'))
  try {
    const onPath = join(folder, 'chromium')
    const wanted = join(folder, 'mine')
    for (const file of [onPath, wanted]) {
      writeFileSync(file, '#!/bin/sh\n')
      chmodSync(file, 0o755)
    }
    expect(find({ PATH: folder })).toEqual({ status: 0, out: onPath, lines: 0 })
    expect(find({ PATH: folder, CHROME_PATH: wanted })).toEqual({
      status: 0,
      out: wanted,
      lines: 0,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('[LINKS-12] a browser that is not there is said in one line', () => {
  expect(find({ PATH: '/nowhere', CHROME_PATH: '/nowhere/chrome' })).toEqual({
    status: 1,
    out: '',
    lines: 1,
  })
})

function find(env: Readonly<Record<string, string>>) {
  const script = resolve(import.meta.dirname, '../../../scripts/browser.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--find'], {
    encoding: 'utf8',
    env,
  })
  return { status, out: stdout.trim(), lines: stderr.split('\n').length - 1 }
}
