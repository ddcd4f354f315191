import { describe, expect, test } from 'vitest'
import { forSeeds, TestRoom } from './topology-room.js'

describe('readers', () => {
  test('[TOPO-11] hang off two writers each and change nothing among writers', () => {
    const room = new TestRoom('readers').fill(20)
    const before = room.links()
    for (let count = 0; count < 10; count++) {
      const { id, added, removed } = room.join('reader')
      expect(removed).toEqual([])
      expect(added).toHaveLength(2)
      expect(room.linked(id, 'writer')).toHaveLength(2)
    }
    for (const id of room.ids('reader')) room.leave(id)
    expect(room.links()).toEqual(before)
  })

  test('[TOPO-11] alone in a room they have nobody', () => {
    const room = new TestRoom('audience')
    expect(room.join('reader').added).toEqual([])
    expect(room.join('reader').added).toEqual([])
  })

  test('[TOPO-12] a crowd shares the places: nobody has two while another has none', () => {
    forSeeds(10, (seed) => {
      // 5 writers have 20 places.
      const room = new TestRoom(seed).fill(5)
      for (let count = 0; count < 30; count++) {
        room.join('reader')
        expect(room.problems()).toEqual([])
        const counts = room.ids('reader').map((id) => room.linked(id, 'writer').length)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        // A place stays free only where each reader that could use it is linked already.
        const free = room.ids('writer').filter((id) => room.linked(id, 'reader').length < 4)
        const wanting = room.ids('reader').filter((id) => room.linked(id, 'writer').length < 2)
        const unused = free.flatMap((writer) =>
          wanting.filter((reader) => !room.linked(reader, 'writer').includes(writer)),
        )
        expect(unused).toEqual([])
      }
    })
  })

  test('[TOPO-12] a place that becomes free goes to one who has none', () => {
    const room = new TestRoom('one place').fill(1)
    const readers = Array.from({ length: 6 }, () => room.join('reader').id)
    const linked = (): string[] => readers.filter((id) => room.linked(id, 'writer').length > 0)
    expect(linked()).toHaveLength(4)

    room.leave(linked()[0] as string)
    expect(linked()).toHaveLength(4)
    room.join()
    expect(linked()).toHaveLength(5)
  })

  test('[TOPO-12] when a writer goes, its readers find another', () => {
    forSeeds(10, (seed) => {
      const room = new TestRoom(seed).fill(12)
      for (let count = 0; count < 15; count++) room.join('reader')
      for (let count = 0; count < 8; count++) {
        room.leave(room.random.pick(room.ids('writer')))
        expect(room.problems()).toEqual([])
        for (const id of room.ids('reader')) {
          expect(room.linked(id, 'writer').length).toBeGreaterThan(0)
        }
      }
    })
  })
})

describe('archives', () => {
  test('[TOPO-13] are linked with everybody, beside the caps, and named first', () => {
    const room = new TestRoom('archive').fill(20)
    const { id } = room.join('archive')
    for (let count = 0; count < 5; count++) room.join('reader')
    room.fill(30)
    expect(room.neighbours.get(id)?.size).toBe(35)
    expect(room.problems()).toEqual([])
    for (const other of room.ids().filter((one) => one !== id)) {
      const [first] = room.topology.linksOf(other)
      expect([first?.caller, first?.callee]).toContain(id)
    }
    const [offered] = room.join().added
    expect([offered?.caller, offered?.callee]).toContain(id)
  })

  test('[TOPO-13] are linked with each other', () => {
    const room = new TestRoom('two archives')
    const { id } = room.join('archive')
    expect(room.join('archive').added).toHaveLength(1)
    expect(room.linked(id, 'archive')).toHaveLength(1)
  })

  test('[TOPO-13] keep their own cap; the next free place goes to one who waits', () => {
    forSeeds(10, (seed) => {
      const room = new TestRoom(seed)
      const { id } = room.join('archive', undefined, { mostLinks: 6 })
      const other = room.join('archive', undefined, { mostLinks: 3 }).id
      room.fill(12)
      for (let count = 0; count < 4; count++) {
        expect(room.neighbours.get(id)?.size).toBe(6)
        expect(room.neighbours.get(other)?.size).toBe(3)
        room.leave(room.linked(id, 'writer')[0] as string)
      }
      room.leave(other)
      expect(room.neighbours.get(id)?.size).toBe(6)
      expect(room.linked(id, 'writer')).toHaveLength(6)
    })
  })

  test('[TOPO-13] an archive that was full takes the other archive in when it has a place', () => {
    const room = new TestRoom('full archive')
    const first = room.join('archive', undefined, { mostLinks: 1 }).id
    const { id: writer } = room.join()
    const second = room.join('archive').id
    expect(room.linked(first, 'archive')).toEqual([])
    room.leave(writer)
    expect(room.linked(first, 'archive')).toEqual([second])
  })
})
