import type { Link, LinkClosed } from '@holdfast/peer/ports'
import {
  createWorld,
  runSeeds,
  SimulationError,
  type Life,
  type World,
} from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[WORLD-8] the same seed gives the same trace, byte for byte, and another seed another', async () => {
  const [first, second, other] = [
    await busyWorld('one'),
    await busyWorld('one'),
    await busyWorld('two'),
  ]
  expect(first.trace.count).toBeGreaterThan(100)
  expect(second.trace.text).toBe(first.trace.text)
  expect(second.trace.hash).toBe(first.trace.hash)
  expect(other.trace.hash).not.toBe(first.trace.hash)
  expect(second.counts).toEqual(first.counts)
})

test('[WORLD-10] a draw more in one participant shifts nobody else’s chances', async () => {
  expect(await drawsOf(1_000)).toEqual(await drawsOf(0))
})

test('[WORLD-23] a crash ends a life: its timers, answers and links, and code that still runs', async () => {
  const world = createWorld({ seed: 'crash' })
  const host = world.host('h')
  host.disk.latencyMs = { read: 5, write: 5, fsync: 5, names: 5 }
  const after: string[] = []
  const lives: Life[] = []
  const links: Link[] = []
  const accepted: Link[] = []
  const closed: LinkClosed[] = []
  world.network.listen('other', (link) => {
    accepted.push(link)
    link.onFrame(() => after.push('a frame from the dead'))
    link.onClose((reason) => closed.push(reason))
  })
  host.start((life) => {
    lives.push(life)
    if (life.number > 1) return
    life.listen(() => after.push('a dial'))
    life.clock.after(10, () => after.push('a timer'))
    void life.disk.write('file', 0, Uint8Array.of(1)).then(() => after.push('an answer'))
    const link = life.dial('other')
    link.onFrame(() => after.push('a frame'))
    link.onClose(() => after.push('a close'))
    links.push(link)
  })
  await world.run(3)
  const [life] = lives
  const [link] = links
  if (life === undefined || link === undefined) throw new Error('the program did not start')
  accepted[0]?.send(Uint8Array.of(1))
  host.crash({ disk: 'none' })
  // Zombie code: everything that it does falls flat.
  life.clock.after(1, () => after.push('a timer of the dead'))
  void life.disk.write('zombie', 0, Uint8Array.of(1)).then(() => after.push('an answer'))
  life.listen(() => after.push('a dial to the dead'))
  life.dial('other').send(Uint8Array.of(1))
  life.watch(Promise.reject(new Error('nobody minds')))
  link.send(Uint8Array.of(2))
  const refused: LinkClosed[] = []
  world.network.dial('other', 'h').onClose((reason) => refused.push(reason))
  await world.run(100)
  expect(after).toEqual([])
  expect(refused).toMatchObject([{ by: 'failed' }])
  expect(closed).toMatchObject([{ by: 'failed' }])
  expect(accepted).toHaveLength(1)
  host.restart()
  const names: (readonly string[])[] = []
  void lives[1]?.disk.names().then((found) => names.push(found))
  await world.run(10)
  expect(names).toEqual([['file']])
})

test('[WORLD-23] a new life has the same disk and chances of its own', async () => {
  const world = createWorld({ seed: 'lives' })
  const host = world.host('h')
  const drawn: number[] = []
  host.start((life) => drawn.push(life.random.uint32()))
  for (let life = 2; life <= 4; life++) {
    host.crash()
    host.restart()
  }
  expect(new Set(drawn).size).toBe(4)
  expect(() => host.start(() => {})).toThrow('already up')
  host.crash()
  expect(() => host.crash()).toThrow("host 'h' is down")
  expect(() => world.host('new').restart()).toThrow('never started')
})

test('[WORLD-23] the others learn of a death late or never, if that is what the crash says', async () => {
  expect(await learnedAfter(0)).toBe(11)
  expect(await learnedAfter(5_000)).toBe(5_011)
  expect(await learnedAfter(Number.POSITIVE_INFINITY)).toBeUndefined()
})

test('[WORLD-24] a frozen host hears nothing, keeps its links, and goes on in order when it thaws', async () => {
  const world = createWorld({ seed: 'freeze' })
  const heard: string[] = []
  const host = world.host('h')
  host.start((life) => {
    const log = (what: string): void => void heard.push(`${what} ${life.clock.monotonic()}`)
    life.listen((link) => link.onFrame(() => log('frame')))
    life.clock.after(50, () => log('timer'))
    const undo = life.clock.after(60, () => log('an undone timer'))
    life.clock.after(55, () => undo())
  })
  const link = world.network.dial('other', 'h')
  await world.run(20)
  host.freeze()
  link.send(Uint8Array.of(1))
  await world.run(1_000)
  expect(heard).toEqual([])
  host.thaw()
  await world.run(10)
  expect(heard).toEqual(['frame 1020', 'timer 1020'])
  host.freeze()
  link.send(Uint8Array.of(2))
  await world.run(10)
  host.crash()
  await world.run(10)
  expect(heard).toHaveLength(2)
})

test('[WORLD-4] a host’s wall clock may be wrong by itself', async () => {
  const world = createWorld({ seed: 'skew', startMs: 1_000_000 })
  const seen: number[] = []
  world.host('h').skewMs = -5_000
  world.host('h').start((life) => life.clock.after(100, () => seen.push(life.clock.now())))
  await world.run(200)
  expect(seen).toEqual([995_100])
  expect(world.clock.now()).toBe(1_000_200)
})

test('[WORLD-6] work that fails while nobody awaits it fails the run', async () => {
  const world = createWorld({ seed: 'watch' })
  world.host('h').start((life) => {
    life.watch(
      (async () => {
        await new Promise<void>((resolve) => life.clock.after(5, resolve))
        throw new Error('in the background')
      })(),
    )
  })
  await expect(world.run(10)).rejects.toThrow('in the background')
})

test('[WORLD-27] a failing run is named by its seed, with its last lines, and replayed at once', async () => {
  const failing: string[] = []
  const scenario = async (world: World): Promise<void> => {
    world.count('something')
    await world.run(world.random.between(1, 10))
    world.trace.line('just before')
    if (world.random.chance(0.2)) {
      failing.push(world.seed)
      throw new Error('an invariant is broken')
    }
  }
  const error = await runSeeds({ runs: 1_000, seed: 'find', scenario }).catch((e: unknown) => e)
  if (!(error instanceof SimulationError)) throw new Error('no run failed')
  expect(error.code).toBe('run-failed')
  const [, seed] =
    /^SEED=(\S+) \(run \d+ of 1000\): an invariant is broken/.exec(error.message) ?? []
  expect(failing).toEqual([seed, seed])
  expect(error.message).toMatch(/\d+\.\d{3} just before/)
  expect(error.message).toContain('run again: the same')
  expect(error.cause).toMatchObject({ message: 'an invariant is broken' })
  await expect(runSeeds({ runs: 1, seed: seed ?? '', scenario })).rejects.toThrow(
    `SEED=${seed} (run 1 of 1)`,
  )
})

test('[WORLD-28] a scenario that takes chance from outside is told apart', async () => {
  let outside = 0
  const scenario = (world: World): void => {
    world.trace.line(`the ${outside++}. time`)
    throw new Error('broken')
  }
  await expect(runSeeds({ runs: 3, seed: 'outside', scenario })).rejects.toThrow(
    'run again: NOT the same',
  )
})

test('[WORLD-29] [I16] runs in which nothing of what they are about happened fail', async () => {
  const idle = runSeeds({
    runs: 5,
    seed: 'idle',
    scenario: editOnly,
    mustHappen: ['edit', 'crash'],
  })
  await expect(idle).rejects.toMatchObject({
    code: 'idle-runs',
    message: 'SEED=idle RUNS=5: in no run was there: crash. There was: edit 5',
  })
  const busy = await runSeeds({ runs: 5, seed: 'busy', scenario: editOnly, mustHappen: ['edit'] })
  expect(busy.counts.get('edit')).toBe(5)
  await expect(
    runSeeds({ runs: 1, seed: 'replay', scenario: editOnly, mustHappen: ['crash'] }),
  ).resolves.toMatchObject({ runs: 1 })
})

/** A little of everything that leaves a mark on a trace. */
async function busyScenario(world: World): Promise<void> {
  world.network.setConditions({
    delayMs: 5,
    jitterMs: 20,
    dropRate: 0.2,
    duplicateRate: 0.1,
    reorderRate: 0.1,
    bytesPerSecond: 50_000,
    closeLossRate: 0.5,
    failAfterMs: 300,
  })
  world.host('b').start(program)
  world.host('a').start(program)
  await world.run(100)
  world.network.cut('a', 'b')
  await world.run(200)
  world.network.healAll()
  await world.run(100)
  world.host('b').crash()
  await world.run(20)
  world.host('b').restart()
  world.host('a').crash()
  world.host('a').restart()
  await world.run(200)
}

/** A world in which a little of everything has happened. */
async function busyWorld(seed: string): Promise<World> {
  const world = createWorld({ seed, keepTrace: 'all' })
  await busyScenario(world)
  return world
}

/** What the scenario and a modest host draw beside one that draws `extra` bytes. */
async function drawsOf(extra: number): Promise<readonly number[]> {
  const world = createWorld({ seed: 'independent' })
  const draws: number[] = []
  world.host('greedy').start((life) => void life.random.bytes(extra))
  world.host('modest').start((life) => draws.push(life.random.uint32()))
  draws.push(world.random.uint32())
  return draws
}

/** When a neighbour hears of a death, in milliseconds; undefined: not within a minute. */
async function learnedAfter(noticeMs: number): Promise<number | undefined> {
  const world = createWorld({ seed: 'silent death' })
  let atMs: number | undefined
  world.network.listen('other', (link) => link.onClose(() => (atMs = world.clock.monotonic())))
  world.host('h').start((life) => void life.dial('other'))
  await world.run(10)
  world.host('h').crash({ noticeMs })
  await world.run(60_000)
  return atMs
}

/** Talks with its neighbour and writes down what it hears. */
function program(life: Life): void {
  const talk = (link: Link): void => {
    link.onFrame((frame) => {
      life.watch(life.disk.append('heard', frame).then(() => life.disk.fsync('heard')))
      life.clock.after(life.random.uint32() % 20, () => link.send(life.random.bytes(30)))
    })
    for (let frame = 0; frame < 3; frame++) link.send(life.random.bytes(200))
  }
  life.listen(talk)
  if (life.host === 'a') talk(life.dial('b'))
}

function editOnly(world: World): void {
  world.count('edit')
}
