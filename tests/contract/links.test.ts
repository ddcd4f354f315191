import { BroadcastLinks, portLink, systemRandom, webSocketLink } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import { createWorld } from '@holdfast/peer/testing'
import { BroadcastChannel, MessageChannel } from 'node:worker_threads'
import { WebSocket, WebSocketServer } from 'ws'
import { describeLink, type LinkSubject } from './describeLink.js'
import { realSubject, until } from './real-subject.js'

describeLink('simulated', () => simulatedSubject('still'), { canSever: true })

describeLink('dialled simulated', () => {
  const world = createWorld({ seed: 'dialled' })
  const accepted: LinkSubject['b'][] = []
  world.network.setConditions({ delayMs: 20, jitterMs: 30, bytesPerSecond: 1_000_000 })
  world.network.listen('b', (link) => accepted.push(link))
  const a = world.network.dial('a', 'b')
  world.clock.advanceUntil(() => accepted.length > 0)
  const [b] = accepted
  if (b === undefined) throw new Error('the dial was not accepted')
  return { a, b, until: (condition) => world.until(condition), close: () => {} }
})

describeLink('MessagePort', () => {
  const { port1, port2 } = new MessageChannel()
  const a = portLink(port1)
  const b = portLink(port2)
  return realSubject(a, b, () => {
    a.close()
    b.close()
  })
})

describeLink('BroadcastChannel', async () => {
  const name = `links ${systemRandom.uint32()}`
  const open = (address: string) =>
    new BroadcastLinks({ channel: new BroadcastChannel(name), address, random: systemRandom })
  const [left, right] = [open('left'), open('right')]
  const accepted: Link[] = []
  right.onLink((link) => accepted.push(link))
  const a = left.connect('right')
  await until(() => accepted.length > 0)
  const [b] = accepted
  if (b === undefined) throw new Error('nothing was accepted')
  return realSubject(a, b, () => {
    left.close()
    right.close()
  })
})

describeLink('WebSocket', webSocketSubject)

describeLink('WebSocket, from the server', async () => {
  const { a, b, until, close } = await webSocketSubject()
  return { a: b, b: a, until, close }
})

/** `a` is the client's end. */
async function webSocketSubject(): Promise<LinkSubject> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  const accepted: Link[] = []
  server.on('connection', (socket) => accepted.push(webSocketLink(socket)))
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const a = webSocketLink(new WebSocket(`ws://127.0.0.1:${port}`))
  await until(() => accepted.length > 0)
  const [b] = accepted
  if (b === undefined) throw new Error('nothing was accepted')
  return realSubject(a, b, async () => {
    a.close()
    b.close()
    await new Promise((resolve) => server.close(resolve))
  })
}

function simulatedSubject(seed: string): LinkSubject {
  const world = createWorld({ seed })
  const { a, b } = world.network.connect('a', 'b')
  return {
    a,
    b,
    until: (condition) => world.until(condition),
    close: () => {},
    sever: () => world.network.pipeOf(a)?.break(),
  }
}
