/** Node, and the modules that are built for one machine. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fail, ok, reasonOf, warn, type Finding } from './finding.js'

export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const isEnough = major > 20 || (major === 20 && minor >= 19)
  return isEnough
    ? ok('Node', version)
    : fail('Node', `${version} is too old`, 'Install Node 20.19 or newer: https://nodejs.org')
}

/** @param version throws if the native module does not load */
export function sqliteFinding(version: () => string): Finding {
  try {
    return ok('SQLite', `${version()}, its native module loads`)
  } catch (error) {
    return fail(
      'SQLite',
      `better-sqlite3 does not load: ${reasonOf(error)}`,
      'Build it for this Node: npm rebuild better-sqlite3. Needs a C++ compiler and Python where no build is to be had.',
    )
  }
}

/** @param load says whether it was there; rejects if it was and did not load */
export async function webRtcFinding(load: () => Promise<boolean>): Promise<Finding> {
  try {
    return (await load())
      ? ok('WebRTC', '@roamhq/wrtc loads: peers in Node can have direct links')
      : ok('WebRTC', 'not installed; only peers in Node need it (@roamhq/wrtc), no server does')
  } catch (error) {
    return warn(
      'WebRTC',
      `@roamhq/wrtc is installed and does not load: ${reasonOf(error)}`,
      'Servers do not need it. For peers in Node: npm rebuild @roamhq/wrtc',
    )
  }
}

/** In a process of its own: a native module that does not fit can end the one that loads it. */
export async function loadWebRtc(): Promise<boolean> {
  const script =
    "import('@roamhq/wrtc').then(() => process.stdout.write('there'), (error) => { " +
    "if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error })"
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `${script}.finally(() => setTimeout(() => process.exit(), 50))`,
    ],
    { timeout: 10_000 },
  )
  return stdout === 'there'
}
