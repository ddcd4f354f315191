import { runSeeds } from '@holdfast/peer/testing'
import { describe, expect, test } from 'vitest'
import { agree, meshLifeScenario } from './mesh/mesh-scenario.js'
import { MeshWorld, newDoc, seenBy, seenInNoteBy, type MeshPeer } from './mesh/mesh-world.js'
import { seedsFromEnvironment } from './seeds.js'

const resentTo = (peer: MeshPeer): number[] =>
  peer.notes.stats().neighbours.map(({ resentOps }) => resentOps)

const hostsOf = (peers: readonly MeshPeer[]): string[] =>
  peers.map(({ host }) => host.name).toSorted()

describe('a mesh in a simulated world', () => {
  test.each([2, 3, 8, 12])(
    '[MESH-1] [MESH-2] %i peers join at once, link, edit and see each other',
    async (count) => {
      const world = MeshWorld.of(`join ${count}`)
      const peers = world.startMany(count)
      for (const peer of peers) peer.type(`${peer.host.name} `)
      await world.until(() => agree(peers) && peers.every(({ paths }) => !paths.includes('relay')))
      expect(peers[0]?.text.split(' ').filter(Boolean).toSorted()).toEqual(hostsOf(peers))
      for (const peer of peers) {
        expect(peer.paths.length).toBeGreaterThanOrEqual(Math.min(count - 1, 6))
        expect(peer.paths.length).toBeLessThanOrEqual(8)
      }
      expect(world.rtc.mostAttempts).toBeLessThanOrEqual(4)
      // One link a pair: nobody called in vain.
      const links = peers.reduce((sum, { paths }) => sum + paths.length, 0) / 2
      expect(world.rtc.links).toBe(links)
    },
  )

  test('[MESH-6] edits flow through the relay before any direct link stands, and return to it', async () => {
    const world = MeshWorld.of('relay')
    world.rtc.weather.silentRate = 1
    const [a, b] = world.startMany(2) as [MeshPeer, MeshPeer]
    await world.until(() => agree([a, b]), 2_000)
    expect(a.paths).toEqual(['relay'])
    a.type('by relay ')
    await world.until(() => b.text === 'by relay ', 1_000)

    world.rtc.weather.silentRate = 0
    await world.until(
      () => a.paths.join() === 'simulated' && b.paths.join() === 'simulated',
      60_000,
    )
    b.type('direct ')
    await world.until(() => agree([a, b]), 1_000)

    world.rtc.weather.silentRate = 1
    for (const pipe of world.world.network.pipes) pipe.break()
    await world.until(() => a.paths.join() === 'relay', 3_000)
    a.type('by relay again ')
    await world.until(() => agree([a, b]), 2_000)
    expect(b.text).toBe('by relay again direct by relay ')
  })

  test('[MESH-6] newcomers have everything through two relays each, long before direct links or more relays', async () => {
    const world = MeshWorld.of('two relays')
    world.rtc.weather.silentRate = 1
    const peers = world.startMany(8)
    for (const peer of peers) peer.type(`${peer.host.name} `)
    await world.until(() => new Set(peers.map(({ text }) => text)).size === 1, 1_000)
    expect(peers[0]?.text.split(' ').filter(Boolean).toSorted()).toEqual(hostsOf(peers))
    const relays = (): number => peers.reduce((sum, { paths }) => sum + paths.length, 0) / 2
    expect(relays()).toBeLessThanOrEqual(2 * 7)
    await world.until(() => relays() === 28 && agree(peers), 3_000)
    // One of the two that most hang on dies: nobody waits for anything but its silence.
    peers[0]?.kill()
    peers[5]?.type('later ')
    await world.until(() => agree(peers.slice(1)), 7_000)
    expect(peers[1]?.text).toContain('later ')
  })

  test('[M9] eight joins cost at most ten messages of the signaller a link', async () => {
    const world = MeshWorld.of('messages')
    const peers = world.startMany(8)
    for (const peer of peers) peer.type(`${peer.host.name} `)
    await world.until(() => agree(peers) && peers.every(({ paths }) => paths.length === 7))
    await world.run(3_000)
    expect(peers.flatMap(({ paths }) => paths)).not.toContain('relay')
    const said = world.world.counts.get('signaller said')
    expect(said).toBeGreaterThan(28)
    expect(said).toBeLessThanOrEqual(10 * 28)
  })

  test('[MESH-3] [K18] attempts that fail, never answer or stand at one end only are made again', async () => {
    const world = MeshWorld.of('weather')
    Object.assign(world.rtc.weather, { failRate: 0.3, silentRate: 0.2, halfRate: 0.2 })
    const peers = world.startMany(5, { relay: false })
    for (const peer of peers) peer.type(`${peer.host.name} `)
    await world.until(() => agree(peers) && peers.every(({ paths }) => paths.length === 4), 300_000)
    const { counts } = world.world
    for (const what of ['dial fails', 'dial is silent', 'dial is half']) {
      expect(counts.get(what)).toBeGreaterThan(0)
    }
  })

  test('[MESH-4] links that are cut are dead within 6 s, and made again when the way is open', async () => {
    const world = MeshWorld.of('cut')
    const peers = world.startMany(3, { relay: false })
    await world.until(() => agree(peers))
    const [a, b] = peers as [MeshPeer, MeshPeer, MeshPeer]
    world.world.network.cut(a.host.name, b.host.name)
    await world.until(() => a.paths.length === 1 && b.paths.length === 1, 6_000)
    a.type('round the corner ')
    await world.until(() => b.text === 'round the corner ', 5_000)
    world.world.network.healAll()
    await world.until(() => peers.every(({ paths }) => paths.length === 2), 60_000)
    await world.until(() => agree(peers), 5_000)
    expect(peers.map(({ text }) => text)).toEqual(new Array(3).fill('round the corner '))
  })

  test('[MESH-5] a link that falls silent is replaced beside the old one, before that is dead, and what it may have lost goes again', async () => {
    const world = MeshWorld.of('beside')
    const [a, b] = world.startMany(2, { relay: false }) as [MeshPeer, MeshPeer]
    await world.until(() => agree([a, b]))
    await world.run(5_000)
    let unlinked = 0
    a.notes.onPeers((peers) => {
      if (peers.length === 0) unlinked++
    })
    // Half open: both ends believe in it, and nothing passes.
    const [pipe] = world.world.network.pipes
    pipe?.break({ aAfterMs: Infinity, bAfterMs: Infinity })
    const links = world.rtc.links
    a.type('into silence ')
    await world.until(() => world.rtc.links > links, 6_000)
    await world.run(3_000)
    expect(unlinked).toBe(0)
    // It went again over the new one, and the report of that neighbour says so.
    expect(b.text).toContain('into silence ')
    expect([resentTo(a), resentTo(b)]).toEqual([[1], [0]])
    a.type('still ')
    await world.until(() => agree([a, b]), 1_000)
  })

  test('[MESH-7] a signaller that dies and comes back leaves standing links alone', async () => {
    const world = MeshWorld.of('signaller')
    const peers = world.startMany(4)
    await world.until(() => agree(peers) && peers.every(({ paths }) => !paths.includes('relay')))
    const links = world.rtc.links
    world.signaller.crash()
    peers[0]?.type('without ')
    await world.until(() => agree(peers), 1_000)
    await world.run(10_000)
    world.signaller.start()
    await world.run(60_000)
    expect(world.rtc.links).toBe(links)
    expect(agree(peers)).toBe(true)
    // And it is of use again.
    const late = world.start('late')
    await world.until(() => agree([...peers, late]))
  })

  test('[M6] [K19] a peer that is killed without a word is gone from the others within 6 s', async () => {
    const world = MeshWorld.of('killed')
    const peers = world.startMany(4)
    await world.until(() => agree(peers))
    await world.run(5_000)
    const [victim, ...others] = peers as [MeshPeer, ...MeshPeer[]]
    victim.kill()
    await world.until(
      () =>
        others.every(
          (peer) =>
            seenBy(peer).join() === hostsOf(others).join() &&
            seenInNoteBy(peer).join() === hostsOf(others).join() &&
            !peer.notes.peers.some(({ instance }) => instance === victim.mesh.identity.instance),
        ),
      6_000,
    )
    await world.run(10_000)
    expect(agree(others)).toBe(true)
  })

  test('[M6] nobody is taken for dead at a round trip of 300 ms with jitter', async () => {
    const world = MeshWorld.of('no alarm')
    world.world.network.setConditions({ delayMs: 150, jitterMs: 100 })
    const peers = world.startMany(4)
    await world.until(() => agree(peers) && peers.every(({ paths }) => !paths.includes('relay')))
    const links = world.rtc.links
    await world.run(120_000)
    expect(world.rtc.links).toBe(links)
    expect(agree(peers)).toBe(true)
  })

  test('[M6] [MESH-5] nobody is shown as gone while a link is replaced, though one end hears of it later', async () => {
    const world = MeshWorld.of('replaced')
    world.world.network.setConditions({ delayMs: 150, jitterMs: 100 })
    const peers = world.startMany(4, { relay: false })
    await world.until(() => agree(peers))
    await world.run(5_000)
    for (let round = 0; round < 10; round++) {
      const links = world.rtc.links
      const [pipe] = world.world.network.pipes
      if (pipe === undefined) throw new Error('no link')
      // What the two say waits: long enough to begin another link, not to be dead.
      world.world.network.cut(pipe.a.host, pipe.b.host)
      await world.run(3_000)
      world.world.network.heal(pipe.a.host, pipe.b.host)
      for (let ms = 0; ms < 6_000; ms += 50) {
        await world.run(50)
        expect(peers.map((peer) => seenBy(peer).length)).toEqual([4, 4, 4, 4])
      }
      if (world.rtc.links > links) world.world.count('replaced')
    }
    expect(world.world.counts.get('replaced')).toBeGreaterThan(0)
  })

  test('[M6] [MESH-5] a page in the background is slow, and taken neither for dead nor for dying', async () => {
    const world = MeshWorld.of('background')
    const [a, b] = world.startMany(2) as [MeshPeer, MeshPeer]
    await world.until(() => agree([a, b]) && a.paths.join() === 'simulated')
    await world.run(3_000)
    a.mesh.setAway(true)
    const links = world.rtc.links
    await world.run(300_000)
    expect(world.rtc.links).toBe(links)
    expect(a.mesh.stats().collections['notes']?.neighbours[0]?.attempts).toBe(1)
    b.type('hello ')
    await world.until(() => agree([a, b]), 1_000)
    a.mesh.setAway(false)
    await world.run(10_000)
    expect(agree([a, b])).toBe(true)
    expect(world.rtc.links).toBe(links)
  })

  test('[MESH-8] who leaves is gone within 250 ms, with what it wrote last delivered', async () => {
    const world = MeshWorld.of('leaves')
    const peers = world.startMany(3)
    await world.until(() => agree(peers) && peers.every(({ paths }) => !paths.includes('relay')))
    const [leaver, ...others] = peers as [MeshPeer, ...MeshPeer[]]
    leaver.type('farewell ')
    const closed = leaver.mesh.close()
    await world.until(
      () => others.every((peer) => seenBy(peer).join() === hostsOf(others).join()),
      250,
    )
    expect(others.map(({ text }) => text)).toEqual(['farewell ', 'farewell '])
    await world.run(1_000)
    await closed
    expect(leaver.pendingTasks).toBe(0)
  })

  test('[MESH-9] [K20] closing leaves no task, whenever it comes', async () => {
    for (const afterMs of [0, 20, 60, 90, 130, 200, 400, 3_000]) {
      const world = MeshWorld.of(`close ${afterMs}`)
      const peers = world.startMany(3)
      await world.run(afterMs)
      const closed = Promise.all(peers.map(({ mesh }) => mesh.close()))
      await world.run(6_000)
      await closed
      expect(peers.map(({ pendingTasks }) => pendingTasks)).toEqual([0, 0, 0])
      expect(world.world.network.pipes).toEqual([])
    }
  })

  test('[MESH-10] two meshes of one page in one room are two peers, and one may go', async () => {
    const world = MeshWorld.of('page')
    const [a, b] = world.startMany(2) as [MeshPeer, MeshPeer]
    const second = a.makeMesh()
    const notes = second.mesh.join('notes')
    notes.open('note', a.doc)
    await world.until(() => b.notes.peers.length === 2 && a.isSynced)
    b.type('seen once ')
    await world.until(() => a.text === 'seen once ')
    a.type('and back ')
    await world.until(() => b.text === 'and back seen once ')
    const closed = second.mesh.close()
    await world.run(6_000)
    await closed
    expect(second.clock.pendingTasks).toBe(0)
    a.type('still ')
    await world.until(() => b.text === 'still and back seen once ', 1_000)
  })

  test('[MESH-10] mounted, unmounted and mounted again in one turn: one peer is left', async () => {
    const world = MeshWorld.of('strict')
    const [a, b] = world.startMany(2) as [MeshPeer, MeshPeer]
    const first = a.makeMesh().mesh
    first.join('notes')
    const closed = first.close()
    const again = a.makeMesh().mesh
    again.join('notes')
    await world.run(10_000)
    await closed
    expect(b.notes.peers.length).toBe(2)
    await world.until(() => b.paths.join() === 'simulated,simulated')
  })

  test('[SYNC-21] [L45] a document that is opened on a link that stands comes at once, and is not called synced before', async () => {
    const world = MeshWorld.of('late')
    const [a, b] = world.startMany(2) as [MeshPeer, MeshPeer]
    await world.until(() => a.isSynced && b.isSynced)
    for (const [name, first, then] of [
      ['late 1', a, b],
      ['late 2', b, a],
    ] as const) {
      const [full, empty] = [newDoc(11), newDoc(12)]
      full.getText('text').insert(0, 'from before')
      const held = first.notes.open(name, full)
      // Nobody else wants it: that is soon known.
      expect(held.isSynced).toBe(false)
      await world.until(() => held.isSynced, 1_000)
      const wanted = then.notes.open(name, empty)
      const text = empty.getText('text')
      let early = 0
      then.notes.onSynced(() => {
        if (text.toJSON() !== 'from before') early++
      })
      expect(wanted.isSynced).toBe(false)
      await world.until(() => wanted.isSynced, 1_000)
      expect(text.toJSON()).toBe('from before')
      expect(early).toBe(0)
    }
    // Both wait for each other, and what one had comes with its opening.
    const [waits, brings] = [newDoc(13), newDoc(14)]
    a.notes.open('late 3', waits)
    await world.run(3_000)
    brings.getText('text').insert(0, 'brought')
    const brought = b.notes.open('late 3', brings)
    expect(brought.isSynced).toBe(false)
    await world.until(() => brought.isSynced && waits.getText('text').toJSON() === 'brought', 1_000)
    await Promise.all([a.mesh.close(), b.mesh.close(), world.run(6_000)])
  })

  test('[SYNC-21] [L45] nor where it is opened at both ends while they meet, at whatever moment', async () => {
    const text = 'from before'
    let opened = 0
    for (let atMs = 100; atMs < 180; atMs += 4) {
      const world = MeshWorld.of(`meeting ${atMs % 7}`)
      const [a, b] = world.startMany(2) as [MeshPeer, MeshPeer]
      await world.run(atMs)
      const [full, empty] = [newDoc(11), newDoc(12)]
      full.getText('text').insert(0, text)
      a.notes.open('met', full)
      await world.run(2)
      const met = b.notes.open('met', empty)
      let early = 0
      b.notes.onSynced(() => {
        if (met.isSynced && empty.getText('text').toJSON() !== text) early++
      })
      if (b.notes.peers.length > 0) opened++
      await world.until(() => met.isSynced, 2_000)
      expect([atMs, early, empty.getText('text').toJSON()]).toEqual([atMs, 0, text])
      await Promise.all([a.mesh.close(), b.mesh.close(), world.run(500)])
    }
    // Some were there before the two had met, some were opened after that.
    expect(opened).toBeGreaterThan(5)
    expect(opened).toBeLessThan(20)
  })

  test('[MESH-11] a laptop that slept is back with all that was written, and its own is there', async () => {
    const world = MeshWorld.of('sleep')
    const peers = world.startMany(3)
    await world.until(() => agree(peers))
    const [sleeper, b] = peers as [MeshPeer, MeshPeer, MeshPeer]
    await world.run(3_000)
    sleeper.type('before ')
    sleeper.host.freeze()
    await world.run(30_000)
    expect(seenBy(b)).not.toContain(sleeper.host.name)
    b.type('meanwhile ')
    await world.run(60_000)
    sleeper.host.thaw()
    await world.until(() => agree(peers), 30_000)
    expect(sleeper.text).toContain('meanwhile ')
    expect(b.text).toContain('before ')
  })
})

test('[MESH-14] [K20] [I16] whatever happens to them, peers are linked again, agree, see each other, and close to nothing', async () => {
  const { counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 25, seed: 'holdfast' }),
    scenario: meshLifeScenario,
    mustHappen: [
      'typed',
      'left',
      'crash',
      'restart',
      'freeze',
      'cut',
      'link broken',
      'frame lost',
      'signaller crashed',
      'dial fails',
      'dial is silent',
      'dial is half',
    ],
  })
  expect([...counts.keys()].filter((what) => what.startsWith('error:'))).toEqual([])
}, 3_600_000)
