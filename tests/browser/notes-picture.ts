/**
 * `npm run picture`: takes the pictures of the demo that the documents show, while a few people write.
 *
 *     npm run picture              docs/images/notes-wide.png and notes-dark.png
 *     npm run picture -- DIR       every size and state there, to look at
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { openBrowser, sourceFolder } from './chromium.js'
import { Person, withoutWebRtc } from './notes-page.js'
import { NotesServer } from './notes-server.js'

const [, , folder] = process.argv
const isAll = folder !== undefined
const home = isAll ? resolve(folder) : resolve(sourceFolder, '../../docs/images')
mkdirSync(home, { recursive: true })
const [server, opened] = await Promise.all([NotesServer.start(), openBrowser()])
try {
  await takeAll()
} finally {
  await opened.close()
  await server.close()
}

async function takeAll(): Promise<void> {
  const wide = { width: 1_440, height: 860 }
  const you = await arrive('Otter', '#2f7d5b', { viewport: wide })
  if (isAll) await shot(you, 'empty')
  const dark = await arrive('Urchin', '#b4532a', { viewport: wide, colorScheme: 'dark' })
  const narrow = await arrive('Limpet', '#3f6fb5', { viewport: { width: 390, height: 780 } })
  const middling = await arrive('Heron', '#8a4f9e', { viewport: { width: 900, height: 900 } })
  await you.locator('.cm-content').click()
  await you.keyboard.type('# Welcome\n\nThis note lives on every device that has it open. ')
  await you.keyboard.type('Write here, and watch your edit leave: to the others directly, ')
  await you.keyboard.type('and to the archive below, which gives it a number.\n\nPull the plug: ')
  for (const [title, text] of [
    ['Groceries for Saturday', 'Oats, lemons, bread'],
    ['Ideas for the kelp garden, and everything else that I keep forgetting', ''],
  ]) {
    await you.getByRole('button', { name: 'New note' }).click()
    await you.locator('.cm-content').click()
    await you.keyboard.type(`# ${title}\n\n${text}`)
  }
  for (const text of ['Pull the plug and see', 'Open a second window', 'Read the log']) {
    await you.getByLabel('Something to do').fill(text)
    await you.getByRole('button', { name: 'Add', exact: true }).click()
  }
  await you.getByLabel('Open a second window', { exact: true }).check()
  const everybody = [you, dark, narrow, middling]
  for (const page of everybody) {
    if (page === narrow) await page.locator('#tabs [data-room=list]').click()
    await page.locator('.note', { hasText: 'Welcome' }).click()
  }
  await dark.keyboard.press('Control+End')
  await dark.keyboard.type('it is kept here, ')
  await narrow.keyboard.press('ArrowDown')
  await narrow.keyboard.press('ArrowDown')
  await narrow.keyboard.press('End')
  await you.keyboard.press('End')
  await middling.keyboard.press('Control+End')
  await middling.keyboard.type('and goes out when it can.')
  await you.locator('.lines .direct').nth(5).waitFor({ state: 'attached' })
  await you.locator('[data-step=archived][data-state=lit]').waitFor()
  // While an edit travels.
  await dark.keyboard.type(' ')
  await shot(you, 'notes-wide')
  await shot(dark, 'notes-dark')
  if (!isAll) return
  await shot(middling, 'mid')
  await shot(narrow, 'narrow')
  await narrow.locator('#tabs [data-room=mesh]').click()
  // Who arrives fades in.
  await narrow.waitForTimeout(500)
  await shot(narrow, 'narrow-mesh')
  await narrow.locator('#tabs [data-room=list]').click()
  await shot(narrow, 'narrow-list')
  await you.getByRole('button', { name: 'Stop the archive' }).click()
  await you.locator('.rock[data-state=away]').waitFor()
  await you.locator('.cm-content').click()
  await you.keyboard.type('Written while the archive is down. ')
  await you.getByRole('button', { name: 'Delete Groceries for Saturday' }).click()
  await you.locator('.lines .archive').first().waitFor({ state: 'detached' })
  await shot(you, 'archive-away')
  await you.getByRole('button', { name: 'Go offline' }).click()
  await you.locator('.reach[data-reach=offline]').waitFor()
  await shot(you, 'offline')
  await dark.getByRole('button', { name: 'Write 1,000 edits' }).click()
  await dark.locator('[data-step=saved] .count', { hasText: /\d\d\d/ }).waitFor()
  await shot(dark, 'many-edits')
  await you.getByRole('button', { name: 'Go offline' }).click()
  await dark.getByRole('button', { name: 'Stop the archive' }).click()
  await you.locator('.compacted', { hasText: 'became one' }).waitFor()
  await shot(you, 'compacted')
  await dark.getByRole('button', { name: 'Cut the mesh' }).click()
  await middling.getByRole('button', { name: 'Cut the archive' }).click()
  const relayed = await arrive('Wrasse', '#96660f', { viewport: wide }, withoutWebRtc)
  const tab = await relayed.context().newPage()
  await tab.goto(server.url)
  await tab.locator('.lines .tab').first().waitFor()
  await relayed.locator('.lines .relayed').first().waitFor()
  await relayed.waitForTimeout(500)
  await shot(relayed, 'every-kind-of-link')
  const full = await Person.arrive(opened.browser, { viewport: wide, serviceWorkers: 'block' })
  await full.limitRoom(server.url, 400_000)
  const unlucky = await full.open(server.url)
  const { page: noRoom } = unlucky
  await unlucky.paste(randomBytes(400_000).toString('base64').replaceAll(/.{76}/g, '$&\n'))
  await noRoom.locator('.failing').waitFor()
  await shot(noRoom, 'no-room')
}

async function arrive(
  name: string,
  colour: string,
  options: BrowserContextOptions,
  before: () => void = () => undefined,
): Promise<Page> {
  const person = await Person.arrive(opened.browser, options)
  await person.context.addInitScript(before)
  await person.context.addInitScript((me) => sessionStorage.setItem('me', JSON.stringify(me)), {
    name,
    colour,
    isChosen: true,
  })
  const { page } = await person.open(server.url)
  return page
}

async function shot(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0)
  await page.screenshot({ path: join(home, `${name}.png`) })
}
