/** The demo, as two people use it and break it: built, served by `holdfast up`, in Chromium. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import axe from 'axe-core'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openBrowser } from './chromium.js'
import { eventually, Person, withoutWebRtc, type NotesPage } from './notes-page.js'
import { NotesServer } from './notes-server.js'

const looks = {
  wide: { viewport: { width: 1_440, height: 860 } },
  dark: { viewport: { width: 1_440, height: 860 }, colorScheme: 'dark' },
  narrow: { viewport: { width: 390, height: 780 } },
  'narrow and dark, with less motion': {
    viewport: { width: 390, height: 780 },
    colorScheme: 'dark',
    reducedMotion: 'reduce',
  },
} as const

const [server, browser] = await Promise.all([NotesServer.start(), openBrowser()])
const people: Person[] = []
afterEach(async () => {
  for (const { context, requests, errors } of people.splice(0)) {
    await context.close()
    // [DEMO-10] Nobody else was asked for anything.
    const foreign = requests.filter((url) => !isOurs(url))
    if (foreign.length + errors.length > 0) {
      throw new Error(`asked others: ${foreign.join(' ')}; threw: ${errors.join('\n')}`)
    }
  }
})
afterAll(async () => {
  await browser.close()
  await server.close()
})

/** @param before runs in the page, before anything else */
async function arrive(before: () => void = () => undefined): Promise<NotesPage> {
  const person = await Person.arrive(browser.browser)
  await person.context.addInitScript(before)
  people.push(person)
  return person.open(server.url)
}

/** The number of the archive's last entry, as it is drawn. */
async function seqOf(page: NotesPage): Promise<number> {
  return Number((await page.picture()).head.slice(1))
}

function isOurs(url: string): boolean {
  return ['http', 'ws', 'blob:http'].some((scheme) =>
    url.startsWith(server.url.replace('http', scheme)),
  )
}

describe('two people', () => {
  test('[DEMO-1] [DEMO-2] [DEMO-10] edit one note and see each other, in the text and in the picture', async () => {
    const [ada, bob] = [await arrive(), await arrive()]
    await eventually(() => ada.titles(), ['Welcome'])
    for (const page of [ada, bob]) {
      await eventually(async () => (await page.picture()).lines, ['archive', 'archive', 'direct'])
      expect((await page.picture()).people).toHaveLength(2)
    }
    const names = [await ada.name(), await bob.name()]
    expect(new Set(names).size).toBe(2)
    const travelled = await ada.pulses()
    await ada.type('# From Ada')
    await eventually(() => bob.words(), '# From Ada')
    await eventually(() => bob.titles(), ['From Ada'])
    await bob.type(' and Bob')
    await eventually(() => ada.words(), '# From Ada and Bob')
    await eventually(() => ada.carets(), [names[1]])
    await eventually(() => bob.carets(), [names[0]])
    await eventually(() => ada.safety(), { local: 'passed', saved: 'passed', archived: 'lit' })
    for (const page of [ada, bob]) {
      await eventually(async () => {
        const { flags, head } = await page.picture()
        return flags.length === 2 && flags.every((seq) => `#${seq}` === head)
      }, true)
    }
    for (const page of [ada, bob]) {
      // More may have come since the flags were looked at.
      await eventually(async () => {
        const { head } = await page.picture()
        const words = Object.values(await page.peopleInWords())
        return words.map(([, seq]) => seq === `at ${head}`)
      }, [true, true])
    }
    expect(await ada.pulses()).toBeGreaterThan(travelled)
    expect(await ada.reach()).toBe('archive, 1 peer')
  })

  test('[DEMO-3] share a board in a collection of its own, and delete from it', async () => {
    const [ada, bob] = [await arrive(), await arrive()]
    await ada.page.getByLabel('Something to do').fill('Read the log')
    await ada.press('Add')
    await ada.page.getByLabel('Something to do').fill('Pull the plug')
    await ada.press('Add')
    await eventually(() => bob.cards(), ['Read the log\n×', 'Pull the plug\n×'])
    await bob.page.getByLabel('Read the log', { exact: true }).check()
    await eventually(() => ada.page.getByLabel('Read the log', { exact: true }).isChecked(), true)
    await bob.press('Delete Pull the plug')
    await eventually(() => ada.cards(), ['Read the log\n×'])
    await ada.press('Delete Read the log')
    await eventually(() => bob.cards(), [])
    expect(await ada.cards()).toEqual([])
  })

  test('[DEMO-4] one goes offline, writes on, loads the page again, and all goes out later', async () => {
    const [ada, bob] = [await arrive(), await arrive()]
    await ada.press('New note')
    await ada.type('Before. ')
    await eventually(async () => (await bob.titles())[0], 'Before.')
    await bob.page.locator('.note').first().click()
    await ada.press('Go offline')
    await eventually(() => ada.reach(), 'offline')
    await ada.type('While offline. ')
    await eventually(() => ada.safety(), { local: 'passed', saved: 'active', archived: 'waiting' })
    await ada.page.reload()
    await ada.whenReady()
    await eventually(() => ada.words(), 'Before. While offline. ')
    expect(await ada.reach()).toBe('offline')
    expect(await ada.button('Go offline').getAttribute('aria-pressed')).toBe('true')
    expect(await bob.words()).toBe('Before. ')
    await ada.press('Go offline')
    await eventually(() => bob.words(), 'Before. While offline. ')
    await eventually(async () => (await ada.safety())['archived'], 'lit')
  })

  test('[DEMO-5] the mesh is cut: edits go through the archive; the archive is cut: they go through the peer', async () => {
    const [ada, bob] = [await arrive(), await arrive()]
    await ada.press('New note')
    await ada.type('1')
    await eventually(async () => (await bob.titles())[0], '1')
    await bob.page.locator('.note').first().click()
    await ada.press('Cut the mesh')
    await eventually(async () => (await ada.picture()).lines, ['archive', 'archive'])
    await ada.type('2')
    await eventually(() => bob.words(), '12')
    await bob.type('3')
    await eventually(() => ada.words(), '123')
    await ada.press('Cut the mesh')
    await eventually(async () => (await ada.picture()).lines, ['archive', 'archive', 'direct'])
    await ada.press('Cut the archive')
    await eventually(async () => (await ada.picture()).lines, ['archive', 'direct'])
    expect((await ada.picture()).rock).toBe('away')
    await ada.type('4')
    await eventually(async () => [await ada.words(), await bob.words()], ['1234', '1234'])
    // Bob carries it there: somebody who has nothing but the archive reads it.
    const person = await Person.arrive(browser.browser)
    people.push(person)
    await person.context.addInitScript(() => sessionStorage.setItem('cuts', 'mesh'))
    const eve = await person.open(server.url)
    await eve.page.locator('.note').first().click()
    await eventually(() => eve.words(), '1234')
  })

  test('[DEMO-6] [DEMO-12] a thousand edits: the page stays usable, all are archived, and both see a compaction', async () => {
    const [ada, bob] = [await arrive(), await arrive()]
    await ada.press('New note')
    await ada.type('Many')
    await eventually(async () => (await bob.titles())[0], 'Many')
    await bob.page.locator('.note').first().click()
    const before = await seqOf(ada)
    await ada.press('Write 1,000 edits')
    const pauseMs = await ada.page.evaluate(longestFrameMs)
    console.info(`the longest frame while a thousand edits were written: ${Math.round(pauseMs)} ms`)
    await eventually(async () => (await ada.words()).replaceAll(/[^.]/g, '').length, 999)
    await eventually(async () => (await ada.safety())['archived'], 'lit')
    await eventually(async () => (await bob.words()) === (await ada.words()), true)
    expect(await seqOf(ada)).toBeGreaterThan(before + 50)
    expect(pauseMs).toBeLessThan(5_000)
    // The latest is told: of this note, of another one, or of the list, in which each title is an entry.
    const told: unknown = expect.stringMatching(/^Compacted: \d+ entries of “.+” became one\.$/)
    for (const page of [ada, bob]) {
      await eventually(async () => (await page.picture()).compaction, told)
    }
  }, 120_000)

  test('[DEMO-8] the archive is stopped and started: the mesh goes on, and everything arrives', async () => {
    const [ada, bob] = [await arrive(), await arrive()]
    await ada.press('New note')
    await ada.type('a')
    await eventually(async () => (await bob.titles())[0], 'a')
    await bob.page.locator('.note').first().click()
    await eventually(async () => (await ada.picture()).lines, ['archive', 'archive', 'direct'])
    await ada.press('Stop the archive')
    await eventually(async () => (await ada.picture()).lines, ['direct'])
    await ada.type('b')
    await eventually(() => bob.words(), 'ab')
    await eventually(() => ada.safety(), { local: 'passed', saved: 'active', archived: 'waiting' })
    expect(await ada.reach()).toBe('1 peer, no archive')
    await ada.press('Stop the archive')
    await eventually(async () => (await ada.safety())['archived'], 'lit')
    await eventually(async () => (await bob.picture()).lines, ['archive', 'archive', 'direct'])
  })

  test('[DEMO-9] a note is deleted for everybody; what was written into it elsewhere is kept and can be taken away', async () => {
    const [ada, bob] = [await arrive(), await arrive()]
    await ada.press('New note')
    await ada.type('Doomed')
    await eventually(async () => (await bob.titles())[0], 'Doomed')
    await bob.page.locator('.note').first().click()
    await eventually(() => bob.words(), 'Doomed')
    await bob.press('Go offline')
    await bob.type(', and more')
    await eventually(async () => (await bob.safety())['saved'], 'active')
    await ada.press('Delete Doomed')
    await ada.press('Delete Doomed for everybody?')
    await eventually(async () => (await ada.titles()).includes('Doomed'), false)
    await eventually(async () => (await ada.safety())['archived'], 'lit')
    await bob.press('Go offline')
    await bob.page.getByText('Somebody has deleted the note').waitFor()
    const refused = bob.page.locator('.kept p')
    await refused.waitFor()
    expect(await refused.innerText()).toMatch(/refused, and kept here/)
    const downloading = bob.page.waitForEvent('download')
    await bob.press('Download')
    const file = await (await downloading).path()
    const edits = JSON.parse(await readFile(file, 'utf8')) as readonly { readonly code: string }[]
    expect(edits.length).toBeGreaterThan(0)
    for (const edit of edits) expect(edit).toMatchObject({ collection: 'notes' })
    await bob.press('Discard')
    await refused.waitFor({ state: 'hidden' })
  })
})

describe('what the picture tells apart', () => {
  test('[DEMO-12] direct, relayed, between tabs, and through the archive', async () => {
    const ada = await arrive()
    const bob = await arrive(withoutWebRtc)
    await eventually(async () => (await ada.picture()).lines, ['archive', 'archive', 'relayed'])
    expect((await bob.picture()).key).toEqual(['1 through the signaller', '2 to the archive'])
    const eve = await arrive(() => sessionStorage.setItem('cuts', 'mesh'))
    const name = await eve.name()
    await eventually(async () => (await ada.peopleInWords())[name]?.[0], 'through the archive')
    const tab = await (people[0] as Person).open(server.url)
    await eventually(async () => (await tab.picture()).key.includes('1 between tabs'), true)
    expect((await tab.picture()).key.at(-1)).toMatch(/^\d to the archive$/)
  })

  test('[DEMO-13] storage that is full: the page says so, calls nothing saved, and goes on when there is room', async () => {
    // The page's own files would need the room.
    const person = await Person.arrive(browser.browser, { serviceWorkers: 'block' })
    people.push(person)
    const giveRoom = await person.limitRoom(server.url, 400_000)
    const ada = await person.open(server.url)
    await ada.press('New note')
    await ada.type('Room')
    await eventually(async () => (await ada.safety())['archived'], 'lit')
    await ada.paste(noise(500_000))
    await eventually(async () => (await ada.safety())['saved'], 'broken')
    expect(await ada.page.locator('.failing').innerText()).toMatch(
      /^Not saved: this browser has no room left\. Keep this page open/,
    )
    expect((await ada.safety())['archived']).not.toBe('lit')
    await giveRoom()
    await eventually(() => ada.safety(), { local: 'passed', saved: 'passed', archived: 'lit' })
    await ada.page.locator('.failing').waitFor({ state: 'hidden' })
    await ada.page.reload()
    await ada.whenReady()
    await eventually(async () => (await ada.words()).startsWith('Room'), true)
  })
})

test('[DEMO-4] the server is gone: the page opens all the same, with all that was written', async () => {
  const ada = await arrive()
  await ada.press('New note')
  await ada.type('Kept here')
  await eventually(async () => (await ada.safety())['archived'], 'lit')
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
  await server.kill()
  await ada.page.reload()
  await ada.whenReady()
  await eventually(() => ada.words(), 'Kept here')
  await ada.type(', still')
  await server.startAgain()
  await eventually(async () => (await ada.safety())['archived'], 'lit')
  expect((await ada.titles())[0]).toBe('Kept here, still')
})

describe('two tabs of one browser', () => {
  test('[DEMO-7] the tab that owns the store is killed: the other takes over, and nothing is lost', async () => {
    const person = await Person.arrive(browser.browser)
    people.push(person)
    const first = await person.open(server.url)
    const second = await person.open(server.url)
    await eventually(async () => (await second.picture()).people.length, 2)
    await eventually(async () => (await second.picture()).lines.includes('tab'), true)
    await second.press('New note')
    await second.type('Before')
    await eventually(async () => (await first.titles())[0], 'Before')
    await Promise.all([
      first.page.waitForEvent('load'),
      second.type(', in between').then(() => second.press('Kill the owner tab')),
    ])
    await second.type(', after')
    await eventually(() => second.words(), 'Before, in between, after')
    await eventually(async () => (await second.safety())['archived'], 'lit')
    await first.whenReady()
    await eventually(() => first.words(), 'Before, in between, after')
    expect(await second.words()).toBe('Before, in between, after')
  })
})

describe('whoever reads it otherwise', () => {
  for (const [name, options] of Object.entries(looks)) {
    test(`[DEMO-11] finds no serious fault of accessibility: ${name}`, async () => {
      const person = await Person.arrive(browser.browser, options)
      people.push(person)
      await person.context.addInitScript({ content: axe.source })
      const page = await person.open(server.url)
      await eventually(async () => (await page.safety())['archived'], 'lit')
      const findings: unknown[] = []
      const rooms = name.startsWith('narrow') ? ['list', 'write', 'mesh'] : [undefined]
      for (const room of rooms) {
        if (room !== undefined) await page.page.locator(`#tabs [data-room=${room}]`).click()
        findings.push(...(await page.page.evaluate(faults)))
      }
      expect(findings).toEqual([])
    })
  }

  test('[DEMO-11] uses it by keyboard alone: skips to the note, writes, makes one, deletes it', async () => {
    const ada = await arrive()
    const { keyboard } = ada.page
    await keyboard.press('Tab')
    await keyboard.press('Enter')
    await keyboard.press('Tab')
    await keyboard.type('# By keyboard')
    await eventually(async () => (await ada.words()).startsWith('# By keyboard'), true)
    await ada.button('New note').focus()
    await keyboard.press('Enter')
    await eventually(() => ada.text.evaluate((text) => text === document.activeElement), true)
    await keyboard.type('Gone soon')
    await eventually(async () => (await ada.titles())[0], 'Gone soon')
    await ada.button('Delete Gone soon').focus()
    await keyboard.press('Enter')
    await keyboard.press('Escape')
    await ada.button('Delete Gone soon').waitFor()
    await keyboard.press('Enter')
    await keyboard.press('Enter')
    await eventually(async () => (await ada.titles()).includes('Gone soon'), false)
    const focused = await ada.page.evaluate(() => document.activeElement?.className)
    expect(focused).toBe('note')
  })
})

/** Runs in the page, beside axe. */
async function faults(): Promise<readonly unknown[]> {
  const { axe: checker } = globalThis as unknown as { readonly axe: typeof axe }
  const { violations, passes } = await checker.run(document)
  if (passes.length < 10) throw new Error(`axe looked at next to nothing: ${passes.length} rules`)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => ({ id, where: nodes.map(({ html }) => html) }))
}

/** Lines that cannot be pressed together. */
function noise(bytes: number): string {
  return randomBytes((bytes * 3) / 4)
    .toString('base64')
    .replaceAll(/.{76}/g, '$&\n')
}

/** Runs in the page: how long it was not drawn, at most, within the next two seconds. */
function longestFrameMs(): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now()
    let last = start
    let longest = 0
    const frame = (): void => {
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
      if (now - start > 2_000) resolve(longest)
      else requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
}
