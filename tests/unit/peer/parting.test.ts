import { Parting } from '@holdfast/peer'
import { createWorld } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[LINKS-14] an end that wants to close says so, and closes when the other has said it, too', async () => {
  const { world, parting, log } = part()
  parting.begin()
  parting.begin()
  await world.run(1_000)
  expect(log).toEqual(['say'])
  parting.heard()
  parting.heard()
  expect(log).toEqual(['say', 'close'])
  parting.closed()
  expect(world.clock.pendingTasks).toBe(0)
})

test('[LINKS-14] an end that hears it says it, too, and waits for the other to close', async () => {
  const { world, parting, log } = part()
  parting.heard()
  parting.begin()
  await world.run(1_000)
  expect(log).toEqual(['say'])
  parting.closed()
  await world.run(5_000)
  expect(log).toEqual(['say'])
})

test('[LINKS-14] [K18] who does not answer is waited for for two seconds', async () => {
  const [first, second] = [part(), part()]
  first.parting.begin()
  second.parting.heard()
  for (const { world, log } of [first, second]) {
    await world.run(1_900)
    expect(log).toEqual(['say'])
    await world.run(200)
    expect(log).toEqual(['say', 'close'])
  }
})

test('[LINKS-14] where nothing can be said any more it closes at once', () => {
  const { world, parting, log } = part(() => {
    throw new Error('not open')
  })
  parting.begin()
  expect(log).toEqual(['close'])
  expect(world.clock.pendingTasks).toBe(0)
})

function part(say?: () => void) {
  const world = createWorld({ seed: 'parting' })
  const log: string[] = []
  const parting = new Parting({
    clock: world.clock,
    say: say ?? (() => log.push('say')),
    close: () => log.push('close'),
  })
  return { world, parting, log }
}
