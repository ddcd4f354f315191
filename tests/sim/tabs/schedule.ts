/** One random life of an app in several tabs, and what has to be true at its end. */
import type { Document } from '@holdfast/client'
import { TabWorld, type Tab } from './tab-world.js'

interface Open {
  readonly tab: Tab
  readonly note: Document
}

export interface Lived {
  readonly edits: number
  readonly saved: number
  readonly kills: number
  readonly freezes: number
  readonly closings: number
  readonly owners: number
}

const maxTabs = 4

export async function liveRandomly(seed: string): Promise<Lived> {
  const world = await TabWorld.begin(seed)
  const { random } = world
  world.lossPercent = random.uint32() % 3 === 0 ? 5 : 0
  // A slow disk leaves time for others to come in between.
  world.disk.writeMs = [1, 1, 5, 20][random.uint32() % 4] ?? 1
  const counts = { edits: 0, saved: 0, kills: 0, freezes: 0, closings: 0 }
  const owners = new Set<Tab>()
  let open: Open[] = []
  /** Edits that somebody was told are saved; and those made in tabs that are still there. */
  const saved = new Set<string>()
  const made = new Map<string, Tab>()

  const arrive = async (): Promise<Open> => {
    const tab = world.tab()
    tab.begin()
    while (!tab.isReady) await new Promise<void>((resolve) => world.clock.after(1, resolve))
    const { client } = tab
    if (client === undefined) throw new Error(`a tab did not begin: ${String(tab.failure)}`)
    const notes = await client.collection('notes')
    return { tab, note: await notes.open('note') }
  }
  const add = async (coming = arrive()): Promise<void> => {
    open.push(await world.wait(coming))
  }
  const pick = (some: readonly Open[]): Open | undefined => some[random.uint32() % some.length]
  const awake = (): readonly Open[] => open.filter(({ tab }) => tab.isAwake)
  const edit = ({ tab, note }: Open): void => {
    const name = `e${counts.edits++};`
    made.set(name, tab)
    const body = note.ydoc.getText('body')
    body.insert(random.uint32() % (body.length + 1), ' ')
    note.ydoc.getMap('edits').set(name, (note.ydoc.getMap('edits').get(name) ?? 0) === 0)
    note.ydoc.getArray('all').push([name])
    note.whenSaved().then(
      () => {
        // A tab that is dead has told nobody.
        if (!tab.isDead) saved.add(name)
        return undefined
      },
      () => made.delete(name),
    )
  }
  const kill = (one: Open): void => {
    one.tab.kill()
    counts.kills++
    open = open.filter((other) => other !== one)
  }
  /** All write on while the owner dies, another tab comes, and perhaps the next owner dies as well. */
  const dieInTheMiddle = async (): Promise<void> => {
    const endMs = 400 + (random.uint32() % 400)
    for (let atMs = 0; atMs < endMs; atMs += 5) {
      world.clock.after(atMs, () => {
        const one = pick(awake())
        if (one !== undefined) edit(one)
      })
    }
    await world.run(random.uint32() % 100)
    const owner = open.find(({ tab }) => tab === world.owner)
    const isAnybodyLeft = awake().length > 1
    const coming = arrive()
    coming.catch(() => {})
    await world.run(random.uint32() % 100)
    if (owner !== undefined && isAnybodyLeft) kill(owner)
    await add(coming)
    await world.run(random.uint32() % endMs)
    const next = open.find(({ tab }) => tab === world.owner)
    if (next !== undefined && awake().length > 1 && random.uint32() % 2 === 0) kill(next)
    await world.run(endMs)
  }

  await add()
  for (let step = 0; step < 40; step++) {
    await world.run((random.uint32() % 2_000) / 100)
    const one = pick(awake())
    const choice = random.uint32() % 100
    if (one !== undefined && choice < 56) edit(one)
    else if (choice < 59) await dieInTheMiddle()
    else if (choice < 70 && open.filter(({ tab }) => !tab.isDead).length < maxTabs) await add()
    else if (choice < 78 && one !== undefined && open.length > 1) kill(one)
    else if (choice < 84 && one !== undefined && awake().length > 1) {
      one.tab.freeze(random.uint32() % 2 === 0)
      counts.freezes++
    } else if (choice < 90) pick(open.filter(({ tab }) => !tab.isAwake))?.tab.thaw()
    else if (choice < 94 && one !== undefined && awake().length > 1) {
      counts.closings++
      open = open.filter((other) => other !== one)
      await world.wait(one.tab.client?.close() ?? Promise.resolve())
      one.tab.kill()
    } else await world.run(random.uint32() % 12_000)
    if (world.owner !== undefined) owners.add(world.owner)
  }

  for (const { tab } of open) tab.thaw()
  if (open.length === 0) await add()
  const texts = (): readonly string[] =>
    open.map(({ note }) => JSON.stringify([all(note), note.ydoc.getText('body').toJSON()]))
  const settle = (): Promise<void> =>
    world.until(
      () =>
        open.every(({ note }) => note.state.safety === 'saved' && note.state.pending.local === 0) &&
        new Set(texts()).size === 1,
    )
  await settle()
  // Somebody who was never there reads it from the store. It may be the first to do so since an owner
  // died: what that one had stored comes to the others now.
  await add()
  await settle()
  const last = open.at(-1)
  if (last === undefined) throw new Error('no tab')
  const seen = all(last.note)
  const times = new Map<unknown, number>()
  for (const name of seen) times.set(name, (times.get(name) ?? 0) + 1)
  for (const [name, count] of times) {
    if (count > 1) throw new Error(`${String(name)} shows ${count} times`)
  }
  for (const name of saved) if (!times.has(name)) throw new Error(`${name} was saved, and is lost`)
  for (const [name, tab] of made) {
    const isHere = open.some((one) => one.tab === tab)
    if (isHere && !times.has(name)) throw new Error(`${name} of a tab that is here is lost`)
  }
  return { ...counts, saved: saved.size, owners: owners.size }
}

function all({ ydoc }: Document): readonly unknown[] {
  return ydoc.getArray('all').toArray()
}
