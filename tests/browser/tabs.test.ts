/** Tabs of one app in Chromium: who owns the store, and what becomes of edits when that changes. */
import { afterAll, expect, test, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { ClientHost } from '../real/client-host.js'
import { serveApp } from './app-server.js'
import type { ModulePage } from './page-server.js'
import { Profile } from './profile.js'

/** What tabs were told is saved, by the name under which they write. */
const saved = new Map<string, string[]>()

const app = await serveApp({ module: 'tabs', onSocket: hear })
const profile = new Profile()
afterAll(async () => {
  await profile.close()
  await app.close()
})
let context = await profile.start()

function hear(socket: WebSocket, path: string): void {
  const name = path.slice(1)
  const entries = saved.get(name) ?? []
  saved.set(name, entries)
  socket.on('message', (entry: Buffer) => entries.push(entry.toString()))
}

async function open(store: string, archive?: string): Promise<ModulePage> {
  const page = await app.open(context)
  await page.call('begin', store, { archive })
  return page
}

async function entriesOf(page: ModulePage): Promise<readonly string[]> {
  return (await page.call('entries')) as readonly string[]
}

/** Asks until it holds; pages of a busy machine take their time. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  // Made here, so that it says which one waited.
  const late = new Error('not yet')
  await vi.waitFor(
    async () => {
      if (!(await condition())) throw late
    },
    { timeout: 40_000, interval: 20 },
  )
}

/** Asks until the answer is this one. */
async function answers(page: ModulePage, name: string, answer: unknown): Promise<void> {
  let last: unknown = undefined
  await until(async () => {
    last = await page.call(name)
    return last === answer
  }).catch((error: unknown) => {
    throw new Error(`${name} is ${String(last)}, not ${String(answer)}`, { cause: error })
  })
}

async function sees(page: ModulePage, entry: string): Promise<void> {
  await until(async () => (await entriesOf(page)).includes(entry))
}

test('[L39] [TABS-1] two tabs share the store: the second sees what the first has, and what either edits', async () => {
  const first = await open('shared')
  expect(await first.call('save', 'one')).toBe('saved')
  const second = await open('shared')
  expect([await first.call('role'), await second.call('role')]).toEqual(['owner', 'follower'])
  expect(await entriesOf(second)).toEqual(['one'])
  expect(await second.call('save', 'two')).toBe('saved')
  await sees(first, 'two')
  await first.page.close()
  await second.page.close()
})

test('[L38] [L37] [TABS-5] the owner is killed while all write: nothing saved is lost, nothing shows twice, and a third tab that comes meanwhile sees everything', async () => {
  const first = await open('killed')
  const second = await open('killed')
  await first.call('writeOn', 'first')
  await second.call('writeOn', 'second')
  await until(
    () => (saved.get('first')?.length ?? 0) > 20 && (saved.get('second')?.length ?? 0) > 20,
  )
  // As a crash does it: its process is gone, and it says goodbye to nobody.
  const session = await context.newCDPSession(first.page)
  session.send('Page.crash').catch(() => {})
  const third = await open('killed')
  await answers(second, 'role', 'owner')
  const sofar = saved.get('second')?.length ?? 0
  await until(() => (saved.get('second')?.length ?? 0) > sofar + 20)
  expect(await third.call('save', 'third')).toBe('saved')
  await sees(second, 'third')
  const told = [...(saved.get('first') ?? []), ...(saved.get('second') ?? [])]
  const lacks = async (page: ModulePage): Promise<readonly string[]> => {
    const seen = new Set(await entriesOf(page))
    return told.filter((entry) => !seen.has(entry))
  }
  await until(async () => (await lacks(third)).length === 0).catch(async (error: unknown) => {
    const [atSecond, atThird] = [await lacks(second), await lacks(third)]
    const of = `of ${told.length} that were saved`
    throw new Error(`${of} the owner lacks [${atSecond.join()}], the third [${atThird.join()}]`, {
      cause: error,
    })
  })
  const seen = await entriesOf(third)
  expect(new Set(seen).size).toBe(seen.length)
  await second.page.close()
  await third.page.close()
})

test('[L53] [TABS-6] the owner is frozen in the middle of writing: another takes over; when it thaws it follows, and its edits are saved', async () => {
  const first = await open('frozen')
  const second = await open('frozen')
  await first.call('writeOn', 'thawing')
  await until(() => (saved.get('thawing')?.length ?? 0) > 20)
  // Chromium freezes no page that holds a lock, also where it is asked to: its debugger stops any.
  const session = await context.newCDPSession(first.page)
  await session.send('Debugger.enable')
  const stopped = new Promise((resolve) => session.once('Debugger.paused', resolve))
  await session.send('Debugger.pause')
  await stopped
  expect(await second.call('save', 'meanwhile')).toBe('saved')
  await answers(second, 'role', 'owner')
  const third = await open('frozen')
  await sees(third, 'meanwhile')
  await session.send('Debugger.resume')
  await session.send('Debugger.disable')
  await answers(first, 'role', 'follower')
  await sees(first, 'meanwhile')
  expect(await first.call('save', 'thawed')).toBe('saved')
  await sees(third, 'thawed')
  const told = saved.get('thawing') ?? []
  await until(async () => {
    const seen = new Set(await entriesOf(second))
    return told.every((entry) => seen.has(entry))
  })
  const seen = await entriesOf(second)
  expect(new Set(seen).size).toBe(seen.length)
  expect(await second.call('role')).toBe('owner')
  for (const { page } of [first, second, third]) await page.close()
})

test('[L53] [TABS-6] an owner that is told that it will be frozen gives the store away at once, and follows', async () => {
  const first = await open('told')
  const second = await open('told')
  expect(await first.call('save', 'before')).toBe('saved')
  await first.call('hearsOfFreezing')
  expect(await second.call('save', 'after')).toBe('saved')
  await answers(second, 'role', 'owner')
  await answers(first, 'role', 'follower')
  await sees(first, 'after')
  for (const { page } of [first, second]) await page.close()
})

test('[R7] [L31] [L38] [TABS-3] the browser is killed while two tabs write and the archive is away: what either was told is saved is there afterwards, and reaches the archive when it is back', async () => {
  const host = await ClientHost.start()
  await host.stopServers()
  const archive = `${host.server}/archive`
  try {
    const first = await open('all gone', archive)
    const second = await open('all gone', archive)
    await first.call('writeOn', 'gone-owner')
    await second.call('writeOn', 'gone-follower')
    const names = ['gone-owner', 'gone-follower']
    await until(() => names.every((name) => (saved.get(name)?.length ?? 0) > 20))
    await profile.kill()
    context = await profile.start()
    const again = await open('all gone', archive)
    const seen = await entriesOf(again)
    const told = names.flatMap((name) => saved.get(name) ?? [])
    for (const entry of told) expect(seen).toContain(entry)
    expect(new Set(seen).size).toBe(seen.length)
    expect(await again.call('safety')).toBe('saved')
    await host.startServers()
    await again.call('retryNow')
    await answers(again, 'safety', 'archived')
    await again.page.close()
    // Nobody else has it by now.
    const reader = await host.client('reader', { signal: false })
    const note = await (await reader.collection('notes')).open('note')
    await note.whenSynced()
    expect(note.ydoc.getArray('entries').toArray()).toEqual(seen)
  } finally {
    await host.remove()
  }
}, 240_000)

test('[L39] [TABS-9] without IndexedDB tabs share what is in memory, and say that nothing is saved', async () => {
  const first = await app.open(context)
  expect(await first.call('begin', 'memory', { worker: 'without IndexedDB' })).toBe('owner')
  const second = await app.open(context)
  expect(await second.call('begin', 'memory', { worker: 'without IndexedDB' })).toBe('follower')
  expect(await second.call('save', 'one')).toBe('not-durable')
  await sees(first, 'one')
  expect([await first.call('isDurable'), await second.call('isDurable')]).toEqual([false, false])
  expect(await second.call('safety')).toBe('local')
  await until(async () => {
    const told = [await first.call('told'), await second.call('told')]
    return JSON.stringify(told) === JSON.stringify([['not-durable'], ['not-durable']])
  })
  await first.page.close()
  await second.page.close()
})

test('[L40] [R6] [TABS-8] when the quota is used up both tabs are told, nothing is called saved, and with room again all is', async () => {
  const first = await app.open(context, 'localhost')
  const session = await context.newCDPSession(first.page)
  const { origin } = new URL(first.page.url())
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 2_000_000 })
  await first.call('begin', 'quota')
  const second = await app.open(context, 'localhost')
  await second.call('begin', 'quota')
  expect(await second.call('save', 'small')).toBe('saved')
  // Noise: what can be pressed together takes no room.
  await second.call('addNoise', 3_000_000)
  await answers(second, 'failing', 'storage-full')
  expect(await first.call('failing')).toBe('storage-full')
  expect(await second.call('safety')).toBe('local')
  expect(await first.call('safety')).toBe('local')
  await until(async () => ((await second.call('told')) as string[]).includes('storage-full'))
  await session.send('Storage.overrideQuotaForOrigin', { origin })
  await answers(second, 'failing', undefined)
  await answers(second, 'safety', 'saved')
  await first.page.close()
  await second.page.close()
})
