import { describe, expect, test } from 'vitest'
import { parseCollectionName } from '@holdfast/peer/protocol'
import { notes, taken, TestSignaller } from './switchboard.js'

const drawings = taken(parseCollectionName('drawings'))

describe('joining', () => {
  test('[SIG-4] is answered by the confirmed id, access, neighbours, ICE servers and limits', async () => {
    const signaller = new TestSignaller({
      ice: { servers: [{ urls: ['stun:stun.example.org'] }] },
      openAccess: 'write',
    })
    const first = await signaller.joined({ capabilities: ['relay'] })
    const second = await signaller.joined()
    expect(second.joinedAs()).toMatchObject({
      version: 1,
      collection: notes,
      id: second.id,
      access: 'write',
      neighbours: [
        {
          id: first.id,
          replica: first.replica,
          role: 'peer',
          access: 'write',
          capabilities: ['relay'],
        },
      ],
      iceServers: [{ urls: ['stun:stun.example.org'] }],
      limits: { messagesPerSecond: 50, idleMs: 60_000, relay: { windowBytes: 131_072 } },
    })
    expect(second.joinedAs()).not.toHaveProperty('expiresInMs')
  })

  test('[SIG-4] in another version is refused and closes the socket', async () => {
    const peer = new TestSignaller().connect()
    await peer.join({ version: 2 })
    expect(peer.errors()).toEqual(['unsupported-version'])
    expect(peer.closed).toEqual({ code: 4002, reason: 'unsupported-version' })
  })

  test('[SIG-5] tells both ends of each new link, and exactly one of them calls', async () => {
    const signaller = new TestSignaller()
    const peers = await signaller.filled(4)
    for (const peer of peers) {
      expect([...peer.neighbours().keys()].toSorted()).toEqual(
        peers
          .filter((other) => other !== peer)
          .map(({ id }) => id)
          .toSorted(),
      )
    }
    const links = peers.flatMap((peer) =>
      [
        ...(peer.joinedAs()?.neighbours ?? []),
        ...peer.of('neighbours').flatMap(({ add }) => add),
      ].map((neighbour) => ({ from: peer.id, ...neighbour })),
    )
    for (const link of links) {
      const back = links.filter(({ from, id }) => from === link.id && id === link.from)
      expect(back).toHaveLength(1)
      expect(back[0]?.call).toBe(!link.call)
      expect(back[0]?.voucher).toBe(link.voucher)
    }
    expect(new Set(links.map(({ voucher }) => voucher)).size).toBe(6)
  })

  test('[SIG-5] archives come first in the list, however late they joined', async () => {
    const signaller = new TestSignaller()
    await signaller.filled(3)
    const archive = await signaller.joined({ role: 'archive' })
    const late = await signaller.joined()
    expect(late.joinedAs()?.neighbours[0]).toMatchObject({ id: archive.id, role: 'archive' })
    expect(late.joinedAs()?.neighbours).toHaveLength(4)
  })

  test('[SIG-5] an archive with more links than fit one message gets them in pages', async () => {
    const signaller = new TestSignaller()
    const peers = await signaller.filled(150)
    const archive = await signaller.joined({ role: 'archive' })
    expect(archive.of('neighbours').length).toBeGreaterThan(1)
    expect(archive.neighbours().size).toBe(150)
    for (const peer of peers) expect(peer.neighbours().has(archive.id)).toBe(true)
  })

  test('[SIG-4] one room twice is refused, the membership stays', async () => {
    const signaller = new TestSignaller()
    const peer = await signaller.joined()
    await peer.join()
    expect(peer.errors()).toEqual(['unexpected-message'])
    expect(peer.closed).toBeUndefined()
    expect(signaller.counters.members).toBe(1)
  })

  test('[SIG-4] one socket can be in several rooms, which know nothing of each other', async () => {
    const signaller = new TestSignaller()
    const both = await signaller.joined()
    await both.join({ collection: drawings })
    const other = await signaller.joined({ collection: drawings })
    expect(other.joinedAs(drawings)?.neighbours.map(({ id }) => id)).toEqual([both.id])
    expect(both.neighbours(notes).size).toBe(0)
    other.signal(both.id, 'x', notes)
    expect(other.errors()).toEqual(['unexpected-message'])
  })

  test('[SIG-4] left before the token was checked leaves nothing behind', async () => {
    const signaller = new TestSignaller()
    const peer = signaller.connect()
    const joining = peer.join()
    peer.say({ type: 'leave', collection: notes })
    await joining
    expect(peer.heard).toEqual([])
    expect(signaller.counters).toMatchObject({ members: 0, rooms: 0, joins: 0 })
  })
})

describe('leaving', () => {
  test('[SIG-9] says why: left by word, lost with the socket', async () => {
    const signaller = new TestSignaller()
    const [a, b, c] = await signaller.three()
    b.say({ type: 'leave', collection: notes })
    expect(a.of('neighbours').at(-1)?.remove).toEqual([{ id: b.id, why: 'left' }])
    c.drop()
    expect(a.of('neighbours').at(-1)?.remove).toEqual([{ id: c.id, why: 'lost' }])
    expect(a.neighbours().size).toBe(0)
  })

  test('[SIG-9] links between those who stay are moved, not lost', async () => {
    const signaller = new TestSignaller()
    const peers = await signaller.filled(30)
    for (const peer of peers.slice(0, 15)) peer.drop()
    const gone = new Set(peers.slice(0, 15).map(({ id }) => id))
    const removals = peers
      .slice(15)
      .flatMap((peer) => peer.of('neighbours').flatMap((m) => m.remove))
    expect(removals.filter(({ id }) => gone.has(id)).length).toBeGreaterThan(15)
    const others = removals.filter(({ id }) => !gone.has(id))
    expect(new Set(others.map(({ why }) => why))).toEqual(new Set(['moved']))
    // Of each who has gone, everybody who was linked to it then has heard that it is lost.
    const lost = new Set(removals.filter(({ why }) => why === 'lost').map(({ id }) => id))
    expect(lost.size).toBeGreaterThan(10)
  })

  test('[K11] nothing is kept of those who are gone', async () => {
    const signaller = new TestSignaller()
    const peers = await signaller.filled(20)
    for (const peer of peers) await peer.join({ collection: drawings })
    expect(signaller.counters).toMatchObject({ rooms: 2, members: 40, sockets: 20 })
    const [a, b] = await signaller.two()
    a.say({ type: 'relay-open', collection: notes, to: b.id })
    await signaller.joined({ standing: [new TestSignaller({}, 'elsewhere').connect().id] })
    expect(signaller.counters.relays).toBe(1)
    for (const peer of signaller.peers) peer.drop()
    expect(signaller.counters).toMatchObject({ rooms: 0, members: 0, sockets: 0, relays: 0 })
    // Not even a timer.
    expect(signaller.clock.pendingTasks).toBe(0)
  })
})

describe('signals', () => {
  test('[SIG-6] reach the one that they are for, with sender and access stamped', async () => {
    const signaller = new TestSignaller({ openAccess: 'write' })
    const [a, b, c] = await signaller.three()
    a.sayText(
      JSON.stringify({
        type: 'signal',
        collection: notes,
        to: b.id,
        data: 'offer',
        from: c.id,
        access: 'admin',
      }),
    )
    expect(b.of('signal')).toEqual([
      { type: 'signal', collection: notes, from: a.id, access: 'write', data: 'offer' },
    ])
    expect(a.of('signal')).toEqual([])
    expect(c.of('signal')).toEqual([])
  })

  test('[SIG-6] to nobody, to oneself and from outside the room are answered by a code', async () => {
    const signaller = new TestSignaller()
    const [a, b] = await signaller.two()
    const stranger = await signaller.joined({ collection: drawings })
    b.drop()
    a.signal(b.id, 'gone')
    a.signal(a.id, 'me')
    a.signal(stranger.id, 'another room')
    expect(a.of('error')).toEqual([
      { type: 'error', code: 'unknown-recipient', collection: notes, to: b.id },
      { type: 'error', code: 'unknown-recipient', collection: notes, to: a.id },
      { type: 'error', code: 'unknown-recipient', collection: notes, to: stranger.id },
    ])
    stranger.signal(a.id, 'hello')
    expect(stranger.errors()).toEqual(['unexpected-message'])
    expect(a.of('signal')).toEqual([])
  })

  test('[SIG-6] longer than the limit are refused, the socket stays', async () => {
    const signaller = new TestSignaller({ limits: { maxSignalUnits: 10 } })
    const [a, b] = await signaller.two()
    a.signal(b.id, '0123456789')
    a.signal(b.id, '01234567890')
    expect(b.of('signal')).toHaveLength(1)
    expect(a.errors()).toEqual(['too-large'])
    expect(a.closed).toBeUndefined()
  })
})

test('[SIG-5] what members say of themselves never grows beyond what a peer takes', async () => {
  const signaller = new TestSignaller()
  const capabilities = Array.from({ length: 16 }, (_, at) => `${at}`.padStart(32, 'x'))
  await signaller.filled(120, { capabilities })
  const archive = await signaller.joined({ role: 'archive', capabilities })
  // A peer of the tests fails on a message that the protocol's reader refuses.
  expect(archive.neighbours().size).toBe(120)
  const swelling = '\u0001'.repeat(10_880)
  const [a, b] = await signaller.two()
  a.signal(b.id, swelling)
  expect(b.of('signal')).toHaveLength(1)
})

describe('coming back', () => {
  test('[SIG-8] on a new socket with the secret of the old: the others hear nothing', async () => {
    const signaller = new TestSignaller()
    const [a, b] = await signaller.two()
    const before = b.heard.length
    const again = signaller.connect()
    await again.join({ ...a.identity, resume: a.resume })
    expect(again.joinedAs()?.neighbours.map(({ id }) => id)).toEqual([b.id])
    expect(b.heard).toHaveLength(before)
    expect(a.of('left')).toEqual([{ type: 'left', collection: notes, code: 'replica-in-use' }])
    // The old socket's end is not the membership's.
    a.drop()
    b.signal(a.id, 'to the new socket')
    expect(again.of('signal')).toHaveLength(1)
    expect(signaller.counters.members).toBe(2)
  })

  test('[SIG-8] with a secret of its own choosing, also when the answer to its join was lost', async () => {
    const signaller = new TestSignaller()
    const lost = signaller.connect()
    const resume = '00112233445566778899aabbccddeeff'
    await lost.join({ resume })
    // Nothing that the server said has arrived; the network is gone and nobody has noticed.
    const again = signaller.connect()
    await again.join({ ...lost.identity, resume })
    expect(again.joinedAs()?.resume).toBe(resume)
    expect(again.errors()).toEqual([])
  })

  test('[SIG-8] under an id that is there, without its secret, is refused', async () => {
    const signaller = new TestSignaller()
    const [a, b] = await signaller.two()
    const impostor = signaller.connect()
    await impostor.join(a.identity)
    await impostor.join({ ...a.identity, resume: b.resume })
    expect(impostor.errors()).toEqual(['replica-in-use', 'replica-in-use'])
    b.signal(a.id, 'secret')
    expect(a.of('signal')).toHaveLength(1)
    expect(impostor.of('signal')).toEqual([])
  })

  test('[SIG-10] after a restart everybody gets the links that it names, and no other', async () => {
    const before = new TestSignaller({}, 'before')
    const peers = await before.filled(40)
    const links = new Map(peers.map((peer) => [peer.id, [...peer.neighbours().keys()]]))

    const after = new TestSignaller({}, 'after')
    for (const { id, identity } of after.random.shuffled(peers)) {
      await after.joined({ ...identity, standing: links.get(id) ?? [] })
    }
    for (const peer of after.peers) {
      const standing = links.get(peer.joinedAs()?.id ?? peer.id)
      expect([...peer.neighbours().keys()].toSorted()).toEqual(standing?.toSorted())
      expect(peer.of('neighbours').flatMap(({ remove }) => remove)).toEqual([])
    }
  })

  test('[SIG-10] who names peers that never come gets others after a few seconds', async () => {
    const signaller = new TestSignaller()
    await signaller.filled(20)
    const elsewhere = new TestSignaller({}, 'elsewhere')
    const absent = Array.from({ length: 6 }, () => elsewhere.connect().id)
    const waiting = await signaller.joined({ standing: absent })
    expect(waiting.neighbours().size).toBeLessThan(6)
    await signaller.clock.run(5_000)
    expect(waiting.neighbours().size).toBeGreaterThanOrEqual(6)
  })
})

test('[M9] 8 joins cost no more than 10 deliveries a link, handshakes included', async () => {
  const signaller = new TestSignaller()
  const peers = await signaller.filled(8)
  // What simple-peer sends with trickle: an offer, an answer, and candidates from both sides. The
  // links gather the candidates of one tick, so 2 messages of them a side is what they come to.
  let links = 0
  for (const peer of peers) {
    for (const id of peer.neighbours().keys()) {
      if (peer.id > id) continue
      links++
      const other = peers.find((candidate) => candidate.id === id)
      for (const data of ['offer', 'candidates', 'candidates']) peer.signal(id, data)
      for (const data of ['answer', 'candidates', 'candidates']) other?.signal(peer.id, data)
    }
  }
  expect(links).toBe(28)
  expect(signaller.counters.deliveries).toBe(8 + 28 + 28 * 6)
  expect(signaller.counters.deliveries).toBeLessThanOrEqual(10 * links)
})
