/**
 * What the tests of React Native need as an app installs it, in a folder of its own: op-sqlite alone is
 * 337 MB, and `npm ci` at the root stays light (`app/package.json` is no workspace). Only what runs here
 * is kept. Made once for each lock file.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export type Installed =
  /** Its `node_modules` has the packages that `app/package.json` names. */
  { readonly folder: string } | { readonly impossible: string }

/** `impossible`, with the reason, only where the registry is out of reach. */
export async function installNative(): Promise<Installed> {
  const lock = readFileSync(join(here, 'package-lock.json'))
  const place = join(cacheFolder, createHash('sha256').update(lock).digest('hex').slice(0, 16))
  if (existsSync(place)) return { folder: place }
  await mkdir(cacheFolder, { recursive: true })
  const folder = await mkdtemp(join(cacheFolder, 'installing-'))
  try {
    for (const file of ['package.json', 'package-lock.json']) {
      await cp(join(here, file), join(folder, file))
    }
    const reason = await install(folder)
    if (reason !== undefined) return { impossible: reason }
    for (const [name, kept] of keptParts) await prune(join(folder, 'node_modules', name), kept)
    // In one step: another process may be doing the same.
    await rename(folder, place).catch((error: unknown) => {
      if (!existsSync(place)) throw error
    })
    return { folder: place }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const root = resolve(import.meta.dirname, '../..')
const here = resolve(import.meta.dirname, 'app')
/** Of all tests here; installs and what Metro has transformed. */
export const cacheFolder = resolve(root, 'node_modules/.cache/holdfast-native')

/** Sources for phones, and compilers for other machines, are most of it. */
const keptParts: readonly (readonly [name: string, kept: readonly string[]])[] = [
  ['@op-engineering/op-sqlite', ['lib', 'package.json', 'LICENSE']],
  ['react-native-webrtc', ['src', 'node_modules', 'package.json', 'LICENSE']],
  ['hermes-compiler/hermesc', [compilerFolder() ?? '']],
]

/** The folder of Hermes' compiler for this machine; undefined: there is none. */
export function compilerFolder(): string | undefined {
  if (process.platform === 'linux' && process.arch === 'x64') return 'linux64-bin'
  return process.platform === 'darwin' ? 'osx-bin' : undefined
}

async function prune(folder: string, kept: readonly string[]): Promise<void> {
  for (const part of await readdir(folder)) {
    if (!kept.includes(part)) await rm(join(folder, part), { recursive: true })
  }
}

/** What kept npm from it; undefined: it is installed. */
async function install(folder: string): Promise<string | undefined> {
  try {
    // Peers are React Native itself, and scripts build for phones.
    const options = ['--omit=peer', '--legacy-peer-deps', '--ignore-scripts', '--no-audit']
    await promisify(execFile)('npm', ['ci', ...options], { cwd: folder, timeout: 240_000 })
    return undefined
  } catch (error) {
    const told = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
    const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E503/
    const found = unreachable.exec(told)
    if (found === null) throw new Error(`it cannot be installed: ${told}`, { cause: error })
    return `the registry is out of reach (${found[0]})`
  }
}
