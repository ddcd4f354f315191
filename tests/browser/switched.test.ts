/** An app of y-webrtc before and after the switch: built, served by `holdfast up`, in Chromium. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HoldfastProcess } from '../real/tools/holdfast.js'
import { openBrowser, sourceFolder } from './chromium.js'
import { eventually } from './notes-page.js'

const example = resolve(sourceFolder, '../../examples/switched')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-switched-'))
const chromium = await openBrowser()
let server: HoldfastProcess
let url = ''

beforeAll(async () => {
  await build({
    root: example,
    configFile: join(example, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: join(folder, 'page') },
  })
  const words = ['up', '--port', '0', '--data', 'data', '--page', 'page']
  server = new HoldfastProcess(words, { cwd: folder })
  const [found] = await server.prints(/http:\/\/127\.0\.0\.1:\d+\//)
  url = found
}, 60_000)
afterAll(async () => {
  await chromium.close()
  await server.kill()
  rmSync(folder, { recursive: true, force: true })
})

test('[CLIENT-20] the switch is one import and the address', () => {
  const [before, after] = ['before', 'after'].map((name) =>
    readFileSync(join(example, 'src', `${name}.ts`), 'utf8').split('\n'),
  )
  const changed = (before ?? []).flatMap((line, at) =>
    line === after?.[at] || line.startsWith('/**') ? [] : [[line, after?.[at]]],
  )
  expect(after).toHaveLength(before?.length ?? 0)
  expect(changed).toEqual([
    [
      "import { WebrtcProvider } from 'y-webrtc'",
      "import { HoldfastProvider as WebrtcProvider } from '@holdfast/client'",
    ],
    [
      "const provider = new WebrtcProvider('an-editor', ydoc, { signaling: [`${server}/y-webrtc`] })",
      "const provider = new WebrtcProvider('an-editor', ydoc, { server })",
    ],
  ])
})

describe("two pages are one editor, with each other's carets", () => {
  test('[SIG-24] before the switch, with y-webrtc', async () => {
    const [ada, bob] = await twoWhoWrite('before')
    expect([...ada.errors, ...bob.errors]).toEqual([])
    await ada.leave()
    await bob.leave()
  }, 90_000)

  test('[CLIENT-20] [CLIENT-14] after it, who leaves and comes back too', async () => {
    const [ada, bob] = await twoWhoWrite('after')
    await bob.press('Disconnect')
    await eventually(() => ada.carets(), [])
    await bob.type(', alone')
    await ada.type(', meanwhile')
    await bob.press('Connect')
    await eventually(
      async () => (await ada.words()).length,
      'From Ada and Bob, alone, meanwhile'.length,
    )
    await eventually(() => bob.words(), await ada.words())
    await eventually(() => ada.carets(), ['Bob'])

    // What this side has written goes, what the other has written stays.
    await ada.undo()
    await eventually(async () => (await ada.words()).includes('meanwhile'), false)
    await eventually(() => bob.words(), await ada.words())
    expect(await bob.words()).toContain(', alone')
    expect([...ada.errors, ...bob.errors]).toEqual([])
    await ada.leave()
    await eventually(() => bob.carets(), [])
    await bob.leave()
  }, 90_000)
})

test('[CLIENT-20] what the switched editor has written outlives its pages, which y-webrtc cannot', async () => {
  const editor = await Editor.open('after', 'Carol')
  await editor.synced()
  expect(await editor.words()).toContain('and Bob, alone')
  expect(editor.errors).toEqual([])
  await editor.leave()
})

async function twoWhoWrite(name: string): Promise<readonly [ada: Editor, bob: Editor]> {
  const [ada, bob] = [await Editor.open(name, 'Ada'), await Editor.open(name, 'Bob')]
  for (const editor of [ada, bob]) {
    await eventually(() => editor.says('Peers'), '1')
    await eventually(() => editor.says('Status'), 'connected')
  }
  await ada.type('From Ada')
  await eventually(() => bob.words(), 'From Ada')
  await bob.type(' and Bob')
  await eventually(() => ada.words(), 'From Ada and Bob')
  await eventually(() => ada.carets(), ['Bob'])
  await eventually(() => bob.carets(), ['Ada'])
  return [ada, bob]
}

/** Somebody at the editor, with a browser of their own. */
class Editor {
  readonly #page: Page
  readonly errors: string[] = []

  static async open(name: string, user: string): Promise<Editor> {
    const page = await (await chromium.browser.newContext()).newPage()
    const editor = new Editor(page)
    await page.goto(`${url}${name === 'before' ? 'before.html' : ''}?name=${user}`)
    return editor
  }

  private constructor(page: Page) {
    this.#page = page
    page.on('pageerror', (error) => this.errors.push(String(error.stack)))
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text())
    })
  }

  says(label: string): Promise<string | null> {
    return this.#page.getByLabel(label, { exact: true }).textContent()
  }

  /** Resolves once the provider has said so. */
  synced(): Promise<void> {
    return this.#page.locator('#status[data-synced="true"]').waitFor({ state: 'attached' })
  }

  async type(words: string): Promise<void> {
    await this.#page.getByLabel('Text').click()
    await this.#page.keyboard.press('Control+End')
    await this.#page.keyboard.type(words)
  }

  press(name: string): Promise<void> {
    return this.#page.getByRole('button', { name, exact: true }).click()
  }

  async undo(): Promise<void> {
    await this.#page.getByLabel('Text').click()
    await this.#page.keyboard.press('Control+z')
  }

  words(): Promise<string> {
    return this.#page.locator('.cm-content').evaluate((content) => {
      const copy = content.cloneNode(true) as Element
      for (const caret of copy.querySelectorAll('.cm-ySelectionCaret')) caret.remove()
      return [...copy.querySelectorAll('.cm-line')].map((line) => line.textContent ?? '').join('\n')
    })
  }

  /** Names at the carets of others. */
  async carets(): Promise<readonly string[]> {
    return this.#page.locator('.cm-ySelectionInfo').allTextContents()
  }

  leave(): Promise<void> {
    return this.#page.context().close()
  }
}
