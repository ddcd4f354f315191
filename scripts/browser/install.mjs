import { spawnSync } from 'node:child_process'
import { findBrowser } from './find.mjs'

/**
 * Installs the distribution's Chromium, where that is one command that needs no question.
 *
 * @returns its path
 * @throws with one line that tells a person what to do, if it may not or did not work
 */
export function installBrowser() {
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !runs('apt-get', ['--version'])) {
    throw new Error(
      'browser tests need Chromium or Chrome: install one (Debian: `sudo apt-get install chromium`), or set CHROME_PATH',
    )
  }
  console.error('browser: no Chromium found, installing the package `chromium`')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const installed =
    runs('apt-get', ['update'], env) &&
    runs('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], env)
  const path = installed ? findBrowser() : undefined
  if (path === undefined) {
    throw new Error(
      '`apt-get install chromium` did not give a browser: install Chromium or Chrome, or set CHROME_PATH',
    )
  }
  return path
}

function runs(command, args, env = process.env) {
  // Its output is for a person; stdout is for the path alone.
  const { status } = spawnSync(command, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  return status === 0
}
