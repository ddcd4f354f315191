import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Under which names Chromium and Chrome are on a path; the open one first. */
const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome']

/** Where systems put them that do not use a path. */
const places = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/snap/bin/chromium',
]

/**
 * The path of a Chromium or Chrome on this machine; undefined if there is none.
 *
 * @throws if CHROME_PATH names something that cannot be run: it was meant
 */
export function findBrowser(env = process.env) {
  const { CHROME_PATH: wanted } = env
  if (wanted) {
    if (canRun(wanted)) return wanted
    throw new Error(`CHROME_PATH is ${wanted}, and that cannot be run`)
  }
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => (folder === '' ? [] : names.map((name) => join(folder, name))))
  return [...onPath, ...places].find(canRun)
}

function canRun(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
