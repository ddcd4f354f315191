/** The documents' examples for pages, as written, in Chromium. */
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { against, blocksOf, documentsWithCode, scratch, writeBlock } from '../documents/blocks.js'
import { HoldfastProcess } from '../real/tools/holdfast.js'
import { serveApp } from './app-server.js'
import { openBrowser } from './chromium.js'

const blocks = documentsWithCode.flatMap(blocksOf).filter(({ runs }) => runs === 'chromium')
const place = scratch('documents-in-chromium')
const server = new HoldfastProcess(['up', '--port', '0', '--data', 'data'], { cwd: place.folder })
afterAll(async () => {
  await server.end()
  place.remove()
})

test('[HOUSE-13] there is an example for pages', () => expect(blocks.length).toBeGreaterThan(0))

test.each(blocks.map((block) => [`${block.document}:${block.line}`, block] as const))(
  '[HOUSE-13] %s does in a page what it says',
  async (_name, block) => {
    const [, port] = await server.prints(/127\.0\.0\.1:(\d+)/)
    const code = against(`ws://127.0.0.1:${port}`, block)
    writeBlock(place.folder, 'page.ts', `${code}\nexport const isDone = (): boolean => true`)
    const app = await serveApp({ module: join(place.folder, 'page') })
    const chromium = await openBrowser()
    try {
      // The module has run to its end, waits included, when it can be called.
      const page = await app.open(await chromium.browser.newContext())
      expect(await page.call('isDone')).toBe(true)
    } finally {
      await chromium.close()
      await app.close()
    }
  },
  90_000,
)
