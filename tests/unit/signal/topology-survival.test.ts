import { expect, test } from 'vitest'
import { seeds, TestRoom } from './topology-room.js'

/** Of all survivors over all seeds, those in the largest connected part, before any repair. */
function survival(
  runs: number,
  prepare: (room: TestRoom) => void,
): { share: number; survivors: number } {
  let survivors = 0
  let connected = 0
  for (const seed of seeds(runs)) {
    const room = new TestRoom(seed)
    prepare(room)
    const ids = room.random.shuffled(room.ids('writer'))
    const alive = new Set(ids.slice(Math.floor(ids.length * 0.3)))
    expect(room.largestPart()).toBe(ids.length)
    survivors += alive.size
    connected += room.largestPart(alive)
  }
  return { share: connected / survivors, survivors }
}

test('[M8] [TOPO-9] 500 writers, 30 % vanish at once: 99.9 % of the rest stay connected', () => {
  const { share, survivors } = survival(200, (room) => room.fill(500))
  expect(survivors).toBeGreaterThanOrEqual(350)
  expect(share).toBeGreaterThanOrEqual(0.999)
})

test('[TOPO-9] the same in a room of 500 after 500 joins and leaves', () => {
  const { share } = survival(60, (room) => {
    room.fill(500)
    const ids = room.ids()
    for (let round = 0; round < 500; round++) {
      const at = room.random.below(ids.length)
      room.leave(ids[at] as string)
      ids[at] = room.join().id
    }
  })
  expect(share).toBeGreaterThanOrEqual(0.999)
})

test('[TOPO-9] the same again right after 30 % of 500 have left and the rest was mended', () => {
  const { share } = survival(60, (room) => {
    room.fill(500)
    for (const id of room.random.shuffled(room.ids()).slice(0, 150)) room.leave(id)
  })
  expect(share).toBeGreaterThanOrEqual(0.999)
})
