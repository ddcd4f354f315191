/**
 * What a stranger does: packs the packages, installs the files in a folder of its own, far from this
 * workspace, and uses Getting started's examples there, typed, in Node, and built by Vite.
 */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { cp, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, createServer, preview } from 'vite'
import { openBrowser } from '../browser/chromium.js'
import { against, blocksOf, writeBlock, type Block } from '../documents/blocks.js'
import { root } from '../unit/tools/run.js'
import { HoldfastProcess } from './tools/holdfast.js'

const folder = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-stranger-')))
afterAll(() => rm(folder, { recursive: true, force: true }))
const impossible = await install()
if (impossible !== undefined) console.warn(`packed packages are not tried: ${impossible}`)
const blocks = ['README.md', 'docs/GETTING-STARTED.md'].flatMap(blocksOf)

describe.skipIf(impossible !== undefined)('packages from their files', () => {
  let server: HoldfastProcess
  let url = ''

  beforeAll(async () => {
    const program = join(folder, 'node_modules/holdfast/dist/main.js')
    const words = ['up', '--port', '0', '--data', 'data']
    server = new HoldfastProcess(words, { cwd: folder, program })
    const [, port] = await server.prints(/127\.0\.0\.1:(\d+)/)
    url = `ws://127.0.0.1:${port}`
  }, 60_000)
  afterAll(async () => {
    await server.kill()
  })

  test('[HOUSE-15] nothing in the folder comes from the workspace', async () => {
    for (const name of ['holdfast', '@holdfast/client', '@holdfast/peer']) {
      const place = join(folder, 'node_modules', name)
      expect(await realpath(place)).toBe(place)
    }
  })

  test('[HOUSE-15] the examples have their types there, libraries checked too', async () => {
    const typed = blocks.filter(({ code }) => !/'(react|vite)'/.test(code))
    expect(typed.length).toBeGreaterThan(4)
    for (const [at, { code }] of typed.entries()) {
      writeBlock(folder, `block-${at}.ts`, `${code}\nexport {}`)
    }
    const compilerOptions = {
      target: 'ES2023',
      lib: ['ES2023', 'DOM', 'DOM.Iterable'],
      types: [],
      module: 'ESNext',
      moduleResolution: 'Bundler',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
    }
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['block-*.ts'] }),
    )
    expect(await runNode(toolOf('typescript', 'tsc'), '-p', folder)).toEqual({ code: 0, told: '' })
  }, 60_000)

  test('[HOUSE-15] Node to Node runs there, against the server of the packages', async () => {
    const file = writeBlock(folder, 'node.mjs', against(url, blockOf('node', 'Hello Bob')))
    expect(await runNode(file)).toEqual({ code: 0, told: 'Hello Bob\n' })
  }, 60_000)

  test('[HOUSE-15] Vite builds the page there, with the worker and the WebAssembly beside it', async () => {
    const code = against(url, blockOf('chromium', 'browserStore'))
    writeBlock(folder, 'page.ts', `${code}\ndocument.title = 'archived'`)
    const html = '<!doctype html><title>App</title><script type="module" src="/page.ts"></script>'
    await writeFile(join(folder, 'index.html'), html)
    await build({ root: folder, configFile: false, logLevel: 'error' })
    const built = await readdir(join(folder, 'dist/assets'))
    const kinds = built.map((name) => name.replace(/-[\w-]{8}\./, '.'))
    expect(kinds).toEqual(expect.arrayContaining(['index.js', 'sql-wasm-browser.wasm']))
    const workers = built.filter((name) => /worker/.test(name) && name.endsWith('.js'))
    expect(workers).toHaveLength(1)
    const scripts = built.filter((name) => name.endsWith('.js'))
    const texts = await Promise.all(
      scripts.map((name) => readFile(join(folder, 'dist/assets', name), 'utf8')),
    )
    expect(texts.some((text) => text.includes(workers[0] ?? 'no worker'))).toBe(true)
  }, 60_000)

  test('[HOUSE-15] the page runs in Chromium, built, and from Vite with the settings that are written down', async () => {
    const { code } = blockOf('nowhere', 'optimizeDeps')
    const config = code.replace(/^import .* from 'vite'$/m, 'const defineConfig = (all) => all')
    const configFile = writeBlock(folder, 'vite.config.mjs', config)
    const options = { root: folder, logLevel: 'error', configFile } as const
    const at = { host: '127.0.0.1', port: 0 }
    const servers = [
      await preview({ ...options, preview: at }),
      await (await createServer({ ...options, server: at })).listen(),
    ]
    const chromium = await openBrowser()
    try {
      for (const one of servers) {
        const page = await (await chromium.browser.newContext()).newPage()
        await page.goto(String(one.resolvedUrls?.local[0]))
        await expect.poll(() => page.title(), { timeout: 60_000 }).toBe('archived')
      }
    } finally {
      await chromium.close()
      for (const one of servers) await one.close()
    }
  }, 120_000)
})

function blockOf(runs: Block['runs'], words: string): Block {
  const found = blocks.find((block) => block.runs === runs && block.code.includes(words))
  if (found === undefined) throw new Error(`no example for ${runs} has ${words}`)
  return found
}

/** What kept npm from it; undefined: it is installed. */
async function install(): Promise<string | undefined> {
  const packages = ['peer', 'access', 'command', 'signal', 'archive', 'client', 'cli']
  const pack = ['pack', '--ignore-scripts', '--pack-destination', folder]
  const chosen = packages.flatMap((name) => ['--workspace', name])
  await promisify(execFile)('npm', [...pack, ...chosen], { cwd: root })
  const files = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const others = ['yjs', 'better-sqlite3', 'ws', '@codemirror/view', 'y-codemirror.next'].map(
    (name) => `${name}@${versionHere(name)}`,
  )
  // Direct links have tests of their own, and scripts would compile SQLite for a minute.
  const options = ['--prefer-offline', '--ignore-scripts', '--omit=optional', '--no-audit']
  try {
    const words = ['install', ...options, '--no-fund', ...files.map((file) => `./${file}`)]
    await promisify(execFile)('npm', [...words, ...others], { cwd: folder, timeout: 240_000 })
  } catch (error) {
    const told = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
    const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E503/
    const found = unreachable.exec(told)
    if (found === null) throw new Error(`it cannot be installed: ${told}`, { cause: error })
    return `the registry is out of reach (${found[0]})`
  }
  // As its script would have left it: the same version, compiled for the same Node.
  const compiled = 'better-sqlite3/build'
  await cp(join(root, 'node_modules', compiled), join(folder, 'node_modules', compiled), {
    recursive: true,
  })
  return undefined
}

function versionHere(name: string): string {
  const manifest: unknown = createRequire(import.meta.url)(
    join(root, 'node_modules', name, 'package.json'),
  )
  return (manifest as { readonly version: string }).version
}

function toolOf(name: string, bin: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', bin)
}

async function runNode(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly told: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: folder })
    return { code: 0, told: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as Error &
      Record<'stdout' | 'stderr', string> & { code: number }
    return { code, told: stdout + stderr }
  }
}
