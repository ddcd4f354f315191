import { createWorld } from '@holdfast/peer/testing'
import { MessageChannel } from 'node:worker_threads'
import { vi } from 'vitest'
import { describeLink, type LinkSubject } from './describeLink.js'
import { MessagePortLink } from './message-port-link.js'

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

// Real turns of the event loop, real time: nothing in the suite may know the simulator.
describeLink('MessagePort', () => {
  const { port1, port2 } = new MessageChannel()
  const a = new MessagePortLink(port1)
  const b = new MessagePortLink(port2)
  return {
    a,
    b,
    until: (condition) =>
      vi.waitFor(
        () => {
          if (!condition()) throw new Error('not yet')
        },
        { timeout: 5_000, interval: 2 },
      ),
    close: () => {
      a.close()
      b.close()
    },
  }
})

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
