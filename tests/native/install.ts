/**
 * op-sqlite as an app installs it, in a folder of its own: it is 337 MB, and `npm ci` at the root stays
 * light (`app/package.json` is no workspace). Only its React Native JavaScript is kept. Made once for
 * each lock file.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export type Installed =
  /** The package's folder. */
  { readonly folder: string } | { readonly impossible: string }

/** `impossible`, with the reason, only where the registry is out of reach. */
export async function installOpSqlite(): Promise<Installed> {
  const cache = resolve(root, 'node_modules/.cache/holdfast-native')
  const lock = readFileSync(join(here, 'package-lock.json'))
  const place = join(cache, createHash('sha256').update(lock).digest('hex').slice(0, 16))
  if (existsSync(place)) return { folder: place }
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'installing-'))
  try {
    for (const file of ['package.json', 'package-lock.json']) {
      await cp(join(here, file), join(folder, file))
    }
    const reason = await install(folder)
    if (reason !== undefined) return { impossible: reason }
    const installed = join(folder, 'node_modules/@op-engineering/op-sqlite')
    for (const part of await readdir(installed)) {
      if (!keptParts.has(part)) await rm(join(installed, part), { recursive: true })
    }
    // In one step: another process may be doing the same.
    await rename(installed, place).catch((error: unknown) => {
      if (!existsSync(place)) throw error
    })
    return { folder: place }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const root = resolve(import.meta.dirname, '../..')
const here = resolve(import.meta.dirname, 'app')
const keptParts = new Set(['lib', 'package.json', 'LICENSE'])

/** What kept npm from it; undefined: it is installed. */
async function install(folder: string): Promise<string | undefined> {
  try {
    // Its peers are React Native itself, and its scripts build for phones.
    const options = ['--omit=peer', '--legacy-peer-deps', '--ignore-scripts', '--no-audit']
    await promisify(execFile)('npm', ['ci', ...options], { cwd: folder, timeout: 240_000 })
    return undefined
  } catch (error) {
    const told = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
    const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E503/
    const found = unreachable.exec(told)
    if (found === null) throw new Error(`op-sqlite cannot be installed: ${told}`, { cause: error })
    return `the registry is out of reach (${found[0]})`
  }
}
