/**
 * Serves one page module as an app is built and served: several files, with the worker and the
 * WebAssembly beside the page, from this machine alone.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join, resolve } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { build } from 'vite'
import { WebSocketServer, type WebSocket } from 'ws'
import { sourceFolder } from './chromium.js'
import type { ModulePage } from './page-server.js'

export interface AppServer {
  /** Opens a page with the module in it. Another name of this machine is another origin. */
  open(context: BrowserContext, host?: '127.0.0.1' | 'localhost'): Promise<ModulePage>
  close(): Promise<void>
}

export interface AppServerOptions {
  /** The module's name in `pages/`. */
  readonly module: string
  readonly onSocket?: (socket: WebSocket, path: string) => void
}

export async function serveApp({ module, onSocket }: AppServerOptions): Promise<AppServer> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-app-'))
  await bundle(module, folder)
  const server = createServer(({ url = '/' }, response) => {
    const path = new URL(url, 'http://app').pathname
    if (path === '/') {
      response.setHeader('content-type', 'text/html')
      response.end(html)
      return
    }
    const type = types[extname(path)]
    const file = type === undefined ? undefined : read(join(folder, path))
    response.statusCode = file === undefined ? 404 : 200
    if (type !== undefined) response.setHeader('content-type', type)
    response.end(file)
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, { url = '/' }: IncomingMessage) => onSocket?.(socket, url))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  return {
    async open(context, host = '127.0.0.1') {
      const page = await context.newPage()
      page.on('pageerror', (error) => console.error('in the page:', error))
      await page.goto(`http://${host}:${port}/`)
      await page.waitForFunction('globalThis.pageModule !== undefined')
      return { page, call: (name, ...args) => callOf(page, name, args) }
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
      rmSync(folder, { recursive: true })
    },
  }
}

function callOf(page: Page, name: string, args: readonly unknown[]): Promise<unknown> {
  return page.evaluate(`globalThis.pageModule[${JSON.stringify(name)}](...${JSON.stringify(args)})`)
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
}

const html = `<!doctype html><meta charset="utf-8"><title>Holdfast</title><script type="module">
import * as pageModule from './module.js'
globalThis.pageModule = pageModule
</script>`

async function bundle(module: string, folder: string): Promise<void> {
  const pages = resolve(sourceFolder, 'pages')
  await build({
    configFile: false,
    logLevel: 'error',
    root: pages,
    base: './',
    resolve: { alias: { vitest: resolve(pages, 'vitest.ts') } },
    build: {
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      rolldownOptions: {
        input: resolve(pages, `${module}.ts`),
        // Tests call what the module exports.
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: 'module.js' },
      },
    },
  })
}
