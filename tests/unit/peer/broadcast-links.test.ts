import { broadcastBounds, BroadcastLinks, type BroadcastChannelLike } from '@holdfast/peer'
import type { Link, LinkClosed } from '@holdfast/peer/ports'
import { SeededRandom } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[LINKS-7] frames reach the tab that they are for, and no other', async () => {
  const bus = new Bus()
  const [leader, first, second] = [bus.tab('leader'), bus.tab('first'), bus.tab('second')]
  const heard: string[] = []
  const accept = (name: string) => (link: Link, from: string) => {
    link.onFrame((frame) => heard.push(`${name} from ${from}: ${frame.join()}`))
  }
  leader.onLink(accept('leader'))
  second.onLink(accept('second'))
  const toLeader = first.connect('leader')
  toLeader.send(Uint8Array.of(1))
  second.connect('leader').send(Uint8Array.of(2))
  first.connect('second').send(Uint8Array.of(3))
  toLeader.send(Uint8Array.of(4))
  await bus.settle()
  expect(heard).toEqual([
    'leader from first: 1',
    'leader from second: 2',
    'second from first: 3',
    'leader from first: 4',
  ])
})

test('[LINKS-7] who does not listen, or has forgotten the link, turns it away', async () => {
  const bus = new Bus()
  const [leader, first] = [bus.tab('leader'), bus.tab('first')]
  const deaf = closesOf(first.connect('leader'))
  await bus.settle()
  expect(deaf).toMatchObject([{ by: 'remote' }])

  leader.onLink(() => {})
  const forgotten = first.connect('leader')
  const closes = closesOf(forgotten)
  await bus.settle()
  expect(closes).toEqual([])
  bus.remove('leader')
  bus.tab('leader')
  forgotten.send(Uint8Array.of(1))
  await bus.settle()
  expect(closes).toMatchObject([{ by: 'remote' }])
})

test('[LINKS-7] [K13] what others post on the channel is dropped, and nothing comes from it', async () => {
  const bus = new Bus()
  const leader = bus.tab('leader')
  const accepted: Link[] = []
  leader.onLink((link) => accepted.push(link))
  const garbage: unknown[] = [
    null,
    7,
    'open',
    {},
    { to: 'leader' },
    { to: 'leader', from: 'x', name: 1, what: 'open' },
    { to: 'leader', from: 'x', name: 'a', what: 'frame', bytes: 'text' },
    { to: 'leader', from: 'x', name: 'a', what: 'else' },
    { to: 'other', from: 'x', name: 'a', what: 'open' },
  ]
  for (const message of garbage) bus.post('stranger', message)
  await bus.settle()
  expect(accepted).toEqual([])
})

test('[LINKS-7] [K11] a tab holds so many links, and makes room when one closes', async () => {
  const bus = new Bus()
  const [leader, first] = [bus.tab('leader'), bus.tab('first')]
  const accepted: Link[] = []
  leader.onLink((link) => accepted.push(link))
  for (let count = 0; count < broadcastBounds.maxLinks; count++) first.connect('leader')
  await bus.settle()
  expect(accepted).toHaveLength(broadcastBounds.maxLinks)
  const beyond = closesOf(first.connect('leader'))
  const turnedAway = closesOf(bus.tab('second').connect('leader'))
  await bus.settle()
  expect(beyond).toMatchObject([{ by: 'failed' }])
  expect(turnedAway).toMatchObject([{ by: 'remote' }])
  accepted[0]?.close()
  await bus.settle()
  const next = closesOf(first.connect('leader'))
  await bus.settle()
  expect(next).toEqual([])
  expect(accepted).toHaveLength(broadcastBounds.maxLinks + 1)
})

test('[LINKS-7] [K20] closing closes all links at both ends, and the channel', async () => {
  const bus = new Bus()
  const [leader, first] = [bus.tab('leader'), bus.tab('first')]
  const atLeader: LinkClosed[] = []
  leader.onLink((link) => link.onClose((closed) => atLeader.push(closed)))
  const closes = closesOf(first.connect('leader'))
  await bus.settle()
  first.close()
  first.close()
  await bus.settle()
  expect(closes).toMatchObject([{ by: 'local' }])
  expect(atLeader).toMatchObject([{ by: 'remote' }])
  expect(bus.isOpen('first')).toBe(false)
  const late = closesOf(first.connect('leader'))
  await bus.settle()
  expect(late).toMatchObject([{ by: 'failed' }])
})

/** A BroadcastChannel that delivers when the test says. */
class Bus {
  readonly #channels = new Map<string, BroadcastChannelLike>()
  #queue: { readonly from: string; readonly message: unknown }[] = []

  tab(address: string): BroadcastLinks {
    const channel: BroadcastChannelLike = {
      onmessage: null,
      postMessage: (message) => this.post(address, message),
      close: () => this.remove(address),
    }
    this.#channels.set(address, channel)
    const random = new SeededRandom(address)
    return new BroadcastLinks({ channel, address, random })
  }

  post(from: string, message: unknown): void {
    this.#queue.push({ from, message: structuredClone(message) })
  }

  remove(address: string): void {
    this.#channels.delete(address)
  }

  isOpen(address: string): boolean {
    return this.#channels.has(address)
  }

  async settle(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      const [next] = this.#queue.splice(0, 1)
      if (next === undefined) return
      for (const [address, channel] of this.#channels) {
        if (address !== next.from) channel.onmessage?.({ data: next.message } as never)
      }
    }
  }
}

function closesOf(link: Link): LinkClosed[] {
  const closes: LinkClosed[] = []
  link.onClose((closed) => closes.push(closed))
  return closes
}
