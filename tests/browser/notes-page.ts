/** One page of the demo, asked and used as somebody does who sits in front of it. */
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** Generous: a machine of two cores runs browsers, servers and other tests beside each other. */
const deadlineMs = Number(process.env['DEADLINE_MS'] ?? '30000')

/** Somebody with a browser of their own. Everything that it asked for is kept. */
export class Person {
  readonly context: BrowserContext
  readonly requests: string[] = []
  readonly errors: string[] = []

  static async arrive(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext({
      viewport: { width: 1_440, height: 860 },
      ...options,
    })
    await context.addInitScript(countPulses)
    return new Person(context)
  }

  private constructor(context: BrowserContext) {
    this.context = context
    context.on('request', (request) => this.requests.push(request.url()))
  }

  async open(url: string): Promise<NotesPage> {
    const page = await this.context.newPage()
    page.on('pageerror', (error) => this.errors.push(String(error.stack)))
    page.on('websocket', (socket) => this.requests.push(socket.url()))
    await page.goto(url)
    const notes = new NotesPage(page)
    await notes.whenReady()
    return notes
  }

  /** Before anything is stored: a browser notices later only with time. The undo gives all of it. */
  async limitRoom(url: string, quotaSize: number): Promise<() => Promise<void>> {
    const session = await this.context.newCDPSession(await this.context.newPage())
    const { origin } = new URL(url)
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize })
    return async () => {
      await session.send('Storage.overrideQuotaForOrigin', { origin })
    }
  }

  leave(): Promise<void> {
    return this.context.close()
  }
}

export class NotesPage {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  whenReady(): Promise<void> {
    return this.page.locator('body[data-ready]').waitFor({ state: 'attached', timeout: deadlineMs })
  }

  get text(): Locator {
    return this.page.getByRole('textbox', { name: 'Text of the note' })
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  async press(name: string): Promise<void> {
    await this.button(name).click()
  }

  /** Clicks into the note, at its end, and types. */
  async type(words: string): Promise<void> {
    await this.text.click()
    await this.page.keyboard.press('Control+End')
    await this.page.keyboard.type(words)
  }

  /** Puts it in at once, however long it is. */
  async paste(words: string): Promise<void> {
    await this.text.click()
    await this.page.keyboard.press('Control+End')
    await this.text.evaluate((text, pasted) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', pasted)
      text.dispatchEvent(
        new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }),
      )
    }, words)
  }

  /** What the note reads, a line break for each line. */
  async words(): Promise<string> {
    return this.page.locator('.cm-content').evaluate((content) => {
      const copy = content.cloneNode(true) as Element
      for (const shown of copy.querySelectorAll('.cm-ySelectionCaret, .cm-placeholder'))
        shown.remove()
      return [...copy.querySelectorAll('.cm-line')].map((line) => line.textContent ?? '').join('\n')
    })
  }

  async titles(): Promise<readonly string[]> {
    return this.page.locator('.note .title').allInnerTexts()
  }

  async cards(): Promise<readonly string[]> {
    return this.page.locator('.cards li').allInnerTexts()
  }

  /** Names at the carets of others. */
  async carets(): Promise<readonly string[]> {
    return this.page.locator('.cm-ySelectionInfo').allTextContents()
  }

  name(): Promise<string> {
    return this.page.getByLabel('Your name').inputValue()
  }

  /** What is drawn: kinds of lines, people, flags and where they stand, and the archive's head. */
  async picture(): Promise<DrawnMesh> {
    return this.page.locator('.picture').evaluate((figure) => ({
      people: [...figure.querySelectorAll('.peer:not(.leaving) .name')].map(
        (name) => name.textContent ?? '',
      ),
      lines: [...figure.querySelectorAll('.lines .line')]
        .map((line) => line.getAttribute('class')?.replace('line ', '') ?? '')
        .toSorted(),
      flags: [...figure.querySelectorAll('.flag')].map((flag) =>
        Number(flag.getAttribute('data-seq')),
      ),
      head: figure.querySelector('.head')?.textContent ?? '',
      rock: figure.querySelector('.rock')?.getAttribute('data-state') ?? '',
      compaction: figure.querySelector('.compacted')?.textContent ?? '',
      key: [...figure.querySelectorAll('.kinds li')].map((kind) => kind.textContent ?? ''),
    }))
  }

  /** What stands behind each name: the way to them, and where their store is in the log. */
  async peopleInWords(): Promise<Readonly<Record<string, readonly string[]>>> {
    const rows = await this.page
      .locator('.people li')
      .evaluateAll((items) =>
        items.map((item) => [
          item.querySelector('.who')?.textContent ?? '',
          item.querySelector('.how')?.textContent ?? '',
          item.querySelector('.seq')?.textContent ?? '',
        ]),
      )
    return Object.fromEntries(rows.map(([who = '', ...words]) => [who, words]))
  }

  /** How many dots have travelled along lines so far. */
  pulses(): Promise<number> {
    return this.page.evaluate(() => Number(document.documentElement.dataset['pulses'] ?? '0'))
  }

  /** Of the three boxes. */
  async safety(): Promise<Readonly<Record<string, string>>> {
    return this.page.locator('.steps').evaluate((steps) => {
      const boxes = [...steps.querySelectorAll<HTMLElement>('.step')]
      return Object.fromEntries(
        boxes.map(({ dataset }) => [dataset['step'] ?? '', dataset['state'] ?? '']),
      )
    })
  }

  reach(): Promise<string> {
    return this.page.locator('#reach').innerText()
  }
}

export interface DrawnMesh {
  readonly people: readonly string[]
  readonly lines: readonly string[]
  readonly flags: readonly number[]
  readonly head: string
  readonly rock: string
  readonly compaction: string
  /** What the lines mean, with how many there are. */
  readonly key: readonly string[]
}

/** Polls until what is read is as expected; says the last difference if it never is. */
export async function eventually<T>(read: () => Promise<T>, expected: unknown): Promise<void> {
  await expect.poll(read, { timeout: deadlineMs, interval: 50 }).toEqual(expected)
}

/** Runs in the page: the dots come and go faster than anybody could ask for them. */
function countPulses(): void {
  const observer = new MutationObserver((records) => {
    const root = document.documentElement
    const added = records.flatMap((record) => [...record.addedNodes])
    const pulses = added.filter((node) => node instanceof Element && node.matches('.pulse'))
    const before = Number(root.dataset['pulses'] ?? '0')
    if (pulses.length > 0) root.dataset['pulses'] = String(before + pulses.length)
  })
  observer.observe(document, { childList: true, subtree: true })
}

/** Runs in the page, before anything else: direct links are impossible. */
export function withoutWebRtc(): void {
  Reflect.deleteProperty(globalThis, 'RTCPeerConnection')
}
