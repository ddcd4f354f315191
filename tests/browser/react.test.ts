/** Hooks in Chromium under StrictMode, and the example that is made of them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { build, preview } from 'vite'
import { until } from '../real/archive-server.js'
import { ClientHost } from '../real/client-host.js'
import { serveApp } from './app-server.js'
import { openBrowser, sourceFolder } from './chromium.js'

const chromium = await openBrowser()
afterAll(() => chromium.close())

describe('hooks', async () => {
  const server = await serveApp({ module: 'react' })
  const opened = await server.open(await chromium.browser.newContext())
  afterAll(() => server.close())
  const { page } = opened
  const call = (name: string, ...args: readonly unknown[]): Promise<unknown> =>
    opened.call(name, ...args)
  const said = listenTo(page)
  const texts = async (): Promise<Record<string, string>> =>
    (await call('texts')) as Record<string, string>
  const shows = (id: string, text: string): Promise<void> =>
    until(async () => (await texts())[id] === text)
  await call('start')

  test('[REACT-1] [REACT-2] show a document as it is and as it changes, and let go of it', async () => {
    await call('edit', 'one', 'saved before')
    await call('show', 'one')
    await shows('body one', 'saved before')
    expect(await call('rendersOf', 'mounted')).toBe(2)
    await call('edit', 'one', 'and now ')
    await shows('body one', 'and now saved before')
    await call('show')
    await until(async () => isAll(await call('destroyed', 'one')))
    expect(await texts()).toEqual({ device: 'owner offline' })
  })

  test('[REACT-1] follow the id, and show nothing of the one before', async () => {
    await call('edit', 'two', 'the second')
    await call('show', 'one')
    await shows('body one', 'and now saved before')
    await call('show', 'two')
    await shows('body two', 'the second')
    await until(async () => isAll(await call('destroyed', 'one')))
    expect(isAll(await call('destroyed', 'two'))).toBe(false)
  })

  test('[REACT-2] render nothing anew for another document', async () => {
    await call('show', 'one', 'two')
    await shows('body one', 'and now saved before')
    const before = await call('rendersOf', 'body one')
    await call('edit', 'two', 'changed: ')
    await shows('body two', 'changed: the second')
    expect(await call('rendersOf', 'body one')).toBe(before)
  })

  test('[REACT-3] show why a document could not be opened', async () => {
    const tooLong = 'x'.repeat(10_000)
    await call('show', tooLong)
    await until(async () => ![undefined, ''].includes((await texts())[`body ${tooLong}`]))
    expect((await texts())[`body ${tooLong}`]).toMatch(/^error: .+/)
    expect((await texts())[`state ${tooLong}`]).toBe('none yet')
  })

  test('[REACT-5] show how safe a document is', async () => {
    await call('show', 'one')
    await shows('state one', 'saved')
    expect((await texts())['device']).toBe('owner offline')
  })

  test('[REACT-6] show what this side shows, add to it and take it back', async () => {
    await call('show', 'one')
    await shows('mine one', '{}0')
    for (const [button, shown] of [
      ['show', '{"name":"Ada"}0'],
      ['color', '{"name":"Ada","color":"red"}0'],
      ['hide', '0'],
      ['show', '{"name":"Ada"}0'],
    ] as const) {
      await page.click(`[id="${button} one"]`)
      await shows('mine one', shown)
    }
    expect((await texts())['state one']).toBe('saved')
  })

  test('[REACT-4] follow a document to the Y.Doc that takes its place', async () => {
    await call('showReplaceable')
    await until(async () => (await call('replaceListeners')) === 1)
    await call('replace')
    await shows('replaceable', 'another')
    await call('editReplaced')
    await shows('replaceable', 'still another')
    await call('show')
    await until(async () => (await call('replaceListeners')) === 0)
    expect(await texts()).toEqual({ device: 'owner offline' })
  })

  test('[REACT-7] let React say nothing on the console', () => {
    expect(said).toEqual([])
  })
})

describe('the example', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-react-'))
  const root = resolve(sourceFolder, '../../examples/react')
  const outDir = join(folder, 'page')
  const configFile = join(root, 'vite.config.ts')
  await build({ root, configFile, logLevel: 'error', build: { outDir } })
  const host = await ClientHost.start()
  const site = await preview({
    root,
    configFile,
    logLevel: 'error',
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0 },
  })
  const [url = ''] = site.resolvedUrls?.local ?? []
  afterAll(async () => {
    await site.close()
    await host.remove()
    rmSync(folder, { recursive: true })
  })

  test('[REACT-8] [REACT-6] [REACT-7] is one list in two browsers, with names', async () => {
    const [ada, bob] = await Promise.all(
      ['Ada', 'Bob'].map(async (name) => {
        const page = await (await chromium.browser.newContext()).newPage()
        const heard = listenTo(page)
        await page.goto(`${url}?name=${name}&server=${host.server}`)
        return { page, heard }
      }),
    )
    if (ada === undefined || bob === undefined) throw new Error('two pages')
    for (const { page, item } of [
      { page: ada.page, item: 'Apples' },
      { page: bob.page, item: 'Bread' },
    ]) {
      await page.getByLabel('Item').fill(item)
      await page.getByRole('button', { name: 'Add' }).click()
    }
    for (const { page } of [ada, bob]) {
      await until(async () => (await listOf(page)) === 'Apples,Bread')
      await page.getByLabel('Safety').getByText('archived').waitFor()
    }
    await ada.page.getByLabel('Others').getByText('Bob').waitFor()
    await bob.page.getByLabel('Others').getByText('Ada').waitFor()
    await bob.page.getByRole('button', { name: 'Bought' }).first().click()
    await until(async () => (await listOf(ada.page)) === 'Bread')
    await ada.page.reload()
    await until(async () => (await listOf(ada.page)) === 'Bread')
    expect([...ada.heard, ...bob.heard]).toEqual([])
  })
})

/** Items in any order, for two may be added at once. */
async function listOf(page: Page): Promise<string> {
  const items = await page.getByRole('listitem').allInnerTexts()
  return items
    .map((item) => item.replace(/\s*Bought$/, ''))
    .toSorted()
    .join()
}

function isAll(flags: unknown): boolean {
  return Array.isArray(flags) && flags.length > 0 && flags.every((flag) => flag === true)
}

/** What the page says on the console as an error or a warning. */
function listenTo(page: Page): readonly string[] {
  const said: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) said.push(message.text())
  })
  page.on('pageerror', (error) => said.push(String(error)))
  return said
}
