import { Parting, type PartingOptions } from '@holdfast/peer'
import { createWorld } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[LINKS-14] an end that wants to close says so, and closes when the other has said it, too', async () => {
  const { world, parting, log } = part()
  parting.begin()
  parting.begin()
  await world.run(1_000)
  expect(log).toEqual(['over'])
  parting.heard('out')
  parting.heard('out')
  expect(log).toEqual(['over', 'close'])
  parting.closed()
  expect(world.clock.pendingTasks).toBe(0)
})

test('[LINKS-14] an end that hears it says it, too, and waits for the other to close', async () => {
  const { world, parting, log } = part()
  parting.heard('over')
  parting.begin()
  await world.run(1_000)
  expect(log).toEqual(['out'])
  parting.closed()
  await world.run(5_000)
  expect(log).toEqual(['out'])
})

test('[LINKS-14] of two ends that begin at the same time one closes, and the other waits for it', async () => {
  const [first, second] = [part({ isFirst: true }), part({ isFirst: false })]
  for (const { world, parting } of [first, second]) {
    parting.begin()
    parting.heard('over')
    await world.run(1_000)
  }
  expect([first.log, second.log]).toEqual([['over', 'close'], ['over']])
})

test('[LINKS-14] [K18] who does not answer is waited for for two seconds', async () => {
  const [first, second] = [part(), part()]
  first.parting.begin()
  second.parting.heard('over')
  for (const [{ world, log }, word] of [
    [first, 'over'],
    [second, 'out'],
  ] as const) {
    await world.run(1_900)
    expect(log).toEqual([word])
    await world.run(200)
    expect(log).toEqual([word, 'close'])
  }
})

test('[LINKS-14] where nothing can be said any more it closes at once', () => {
  const { world, parting, log } = part({
    say: () => {
      throw new Error('not open')
    },
  })
  parting.begin()
  expect(log).toEqual(['close'])
  expect(world.clock.pendingTasks).toBe(0)
})

function part(options: Partial<PartingOptions> = {}) {
  const world = createWorld({ seed: 'parting' })
  const log: string[] = []
  const parting = new Parting({
    clock: world.clock,
    isFirst: true,
    say: (word) => log.push(word),
    close: () => log.push('close'),
    ...options,
  })
  return { world, parting, log }
}
