// Finds the Chromium that the browser tests drive, and prints its path. Where there is none and it
// may (Debian or Ubuntu, as root), it installs the distribution's package. Else it fails with the one line that
// says what to do: browser tests are never skipped in silence.
//
//   node scripts/browser.mjs            find or install
//   node scripts/browser.mjs --find     find only
//   CHROME_PATH=/path node …            use that one

import { findBrowser } from './browser/find.mjs'
import { installBrowser } from './browser/install.mjs'

const mayInstall = !process.argv.includes('--find')
try {
  console.log(findBrowser() ?? (mayInstall ? installBrowser() : missing()))
} catch (error) {
  console.error(`browser: ${error.message}`)
  process.exitCode = 1
}

function missing() {
  throw new Error(
    'no Chromium or Chrome found; `node scripts/browser.mjs` says how to get one, CHROME_PATH names one',
  )
}
