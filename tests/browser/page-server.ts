/** Serves one page module, bundled as an app would bundle it, on an address that nobody else reaches. */
import { createServer, type IncomingMessage } from 'node:http'
import { resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { build, type Rolldown } from 'vite'
import { WebSocketServer, type WebSocket } from 'ws'
import type { OwnNetwork } from '../real/own-network.js'
import { openBrowser } from './chromium.js'

export interface PageServer {
  /** Opens a page (of a browser profile that all of this server's pages share) with the module in it. */
  open(): Promise<ModulePage>
  /** Closes the pages, the browser and the server. */
  close(): Promise<void>
}

export interface ModulePage {
  readonly page: Page
  /** Calls one of the module's exports, with arguments and a result that JSON can carry. */
  call(name: string, ...args: readonly unknown[]): Promise<unknown>
}

export interface PageServerOptions {
  /** The module's name in `pages/`. */
  readonly module: string
  /** A page has opened a WebSocket to this server. */
  readonly onSocket?: (socket: WebSocket, path: string) => void
  /** The one that the browser is in. Default: this process's. */
  readonly network?: OwnNetwork
}

export async function servePage({
  module,
  onSocket,
  network,
}: PageServerOptions): Promise<PageServer> {
  const script = await bundle(module)
  const server = createServer(({ url }, response) => {
    const isScript = url === '/module.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : html)
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, { url = '/' }: IncomingMessage) => onSocket?.(socket, url))
  const host = network?.outsideAddress ?? '127.0.0.1'
  await new Promise<void>((done) => server.listen(0, host, done))
  const { port } = server.address() as { port: number }
  const opened = await openBrowser(network)
  const context = await opened.browser.newContext()
  return {
    async open() {
      const page = await context.newPage()
      // What a page throws outside of a call belongs into the test's output.
      page.on('pageerror', (error) => console.error('in the page:', error))
      await page.goto(`http://${host}:${port}/`)
      await page.waitForFunction('globalThis.pageModule !== undefined')
      return {
        page,
        call: (name, ...args) =>
          page.evaluate(
            `globalThis.pageModule[${JSON.stringify(name)}](...${JSON.stringify(args)})`,
          ),
      }
    },
    async close() {
      await opened.close()
      for (const socket of sockets.clients) socket.terminate()
      sockets.close()
      await new Promise((done) => server.close(done))
    },
  }
}

const html = `<!doctype html><meta charset="utf-8"><title>Holdfast</title><script type="module">
import * as pageModule from '/module.js'
globalThis.pageModule = pageModule
</script>`

async function bundle(module: string): Promise<string> {
  const pages = resolve(import.meta.dirname, 'pages')
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { vitest: resolve(pages, 'vitest.ts') } },
    build: {
      write: false,
      minify: false,
      lib: { entry: resolve(pages, `${module}.ts`), formats: ['es'] },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  })) as Rolldown.RolldownOutput[]
  const [chunk] = built[0]?.output ?? []
  if (chunk === undefined) throw new Error(`vite built nothing of pages/${module}.ts`)
  return chunk.code
}
