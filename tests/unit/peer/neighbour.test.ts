import { HandshakeGate, meshBounds } from '@holdfast/peer'
import { describe, expect, test } from 'vitest'
import { NeighbourPairs } from './neighbour-pairs.js'

describe('Neighbour', () => {
  test('[MESH-1] a thousand pairs that call and ask to be called at the same moment make a thousand links', async () => {
    const pairs = new NeighbourPairs('glare')
    const { clock, random } = pairs.world
    for (let round = 0; round < 100; round++) {
      const all = Array.from({ length: 10 }, () =>
        pairs.pair((_text, deliver) => void clock.after(random.between(1, 50), deliver)),
      )
      for (const { caller, answerer } of all) {
        caller.start()
        answerer.start()
        // The other side's wish to be called crosses with the call.
        clock.after(random.between(0, 50), () => caller.hear('c'))
      }
      const areOpen = (): boolean =>
        all.every(({ caller, answerer }) => caller.phase === 'open' && answerer.phase === 'open')
      await pairs.world.until(areOpen, { checkEveryMs: 50, maxVirtualMs: 10_000 })
      await pairs.world.run(200)
      expect(areOpen()).toBe(true)
      expect(all.map(({ caller }) => caller.stats().attempts)).toEqual(new Array(10).fill(1))
      for (const { caller, answerer } of all) {
        caller.close()
        answerer.close()
      }
    }
    expect(pairs.rtc.links).toBe(1_000)
    // [MESH-2] holds meanwhile.
    expect(pairs.rtc.mostAttempts).toBeLessThanOrEqual(meshBounds.maxHandshakes)
  }, 60_000)

  test('[MESH-3] [K18] an attempt without a link is given up after 15 s, at both ends, and made again', async () => {
    const pairs = new NeighbourPairs('silence')
    pairs.rtc.weather.silentRate = 1
    const { caller, answerer } = pairs.pair()
    caller.start()
    answerer.start()
    await pairs.world.run(14_900)
    expect([caller.phase, answerer.phase]).toEqual(['signalling', 'signalling'])
    expect([caller.stats().failures, answerer.stats().failures]).toEqual([0, 0])
    await pairs.world.run(300)
    expect([caller.stats().failures, answerer.stats().failures]).toEqual([1, 1])
    pairs.rtc.weather.silentRate = 0
    await pairs.world.until(() => caller.phase === 'open' && answerer.phase === 'open')
    expect(pairs.rtc.links).toBe(1)
  })

  test('[MESH-3] [K16] attempts that fail come ever more rarely, and not in step', async () => {
    const pairs = new NeighbourPairs('pauses')
    const { clock } = pairs.world
    pairs.rtc.weather.failRate = 1
    const callsAtMs: number[][] = Array.from({ length: 10 }, () => [])
    const all = callsAtMs.map((atMs) => {
      const attempts = new Set<string>()
      return pairs.pair((text, deliver) => {
        const attempt = text.slice(0, 10)
        if (text.startsWith('s:') && !attempts.has(attempt)) atMs.push(clock.monotonic())
        attempts.add(attempt)
        clock.after(20, deliver)
      })
    })
    for (const { caller, answerer } of all) {
      caller.start()
      answerer.start()
    }
    await pairs.world.run(600_000)
    for (const atMs of callsAtMs) {
      // Without growing pauses it would be some three hundred.
      expect(atMs.length).toBeGreaterThan(20)
      expect(atMs.length).toBeLessThan(120)
    }
    // All began in one moment, and after ten minutes no second has more than a few of them.
    const seconds = callsAtMs.flat().filter((atMs) => atMs > 60_000)
    const most = Math.max(
      ...seconds.map((at) => seconds.filter((other) => other >= at && other < at + 1_000).length),
    )
    expect(seconds.length).toBeGreaterThan(200)
    expect(most).toBeLessThanOrEqual(5)
  })

  test('[MESH-3] lost offers are made up for by asking to be called', async () => {
    const pairs = new NeighbourPairs('lost')
    let isLosing = true
    const { caller, answerer } = pairs.pair((_text, deliver) => {
      if (!isLosing) pairs.world.clock.after(20, deliver)
    })
    caller.start()
    answerer.start()
    await pairs.world.run(4_000)
    isLosing = false
    await pairs.world.until(() => caller.phase === 'open' && answerer.phase === 'open', {
      maxVirtualMs: 40_000,
    })
    expect(pairs.answerers.said).toContain('c')
  })

  test('[MESH-13] [K11] calls without number and garbage cost a stranger’s neighbour a few attempts', async () => {
    const pairs = new NeighbourPairs('hostile')
    const { caller, answerer } = pairs.pair(() => {})
    answerer.start()
    for (let n = 0; n < 1_000; n++) {
      answerer.hear(`s:${n.toString(16).padStart(8, '0')}:offer 1`)
      answerer.hear('x:00000000')
      for (const text of ['', 's:', 's:zz', 'hello', 'x:1234567', `s:${'1'.repeat(100_000)}`]) {
        answerer.hear(text)
      }
    }
    expect(answerer.stats().attempts).toBeLessThanOrEqual(meshBounds.maxAnswers)
    expect(answerer.stats().ignoredSignals).toBeGreaterThan(6_000)
    // "Call me", over and over, each attempt given up at once.
    caller.start()
    for (let n = 0; n < 500; n++) {
      caller.hear('c')
      const attempt = pairs.callers.said.findLast((text) => text.startsWith('s:'))?.slice(2, 10)
      if (attempt !== undefined) caller.hear(`x:${attempt}`)
      await pairs.world.run(20)
    }
    expect(caller.stats().attempts).toBeLessThan(25)
  })

  test('[MESH-9] [K20] closing gives up what is under way and leaves no task and no place at the gate', async () => {
    const pairs = new NeighbourPairs('closing')
    const all = Array.from({ length: 20 }, () => pairs.pair())
    for (const [at, { caller, answerer }] of all.entries()) {
      caller.start()
      answerer.start()
      pairs.world.clock.after(at * 40, () => {
        caller.close()
        answerer.close()
      })
    }
    await pairs.world.run(2_000)
    pairs.callers.sync.close()
    pairs.answerers.sync.close()
    await pairs.world.run(6_000)
    expect(pairs.world.clock.pendingTasks).toBe(0)
    for (const { gate } of [pairs.callers, pairs.answerers]) {
      expect([gate.underWay, gate.waiting]).toEqual([0, 0])
    }
  })
})

describe('HandshakeGate', () => {
  test('[MESH-2] four at a time, answers first, and one place that no call can take', async () => {
    const gate = new HandshakeGate()
    const begun: string[] = []
    const leave = ['c1', 'c2', 'c3', 'c4'].map((name) => gate.enter('call', () => begun.push(name)))
    await Promise.resolve()
    expect(begun).toEqual(['c1', 'c2', 'c3'])
    for (const name of ['a1', 'a2']) leave.push(gate.enter('answer', () => begun.push(name)))
    await Promise.resolve()
    expect(begun).toEqual(['c1', 'c2', 'c3', 'a1'])
    leave[0]?.()
    leave[0]?.()
    await Promise.resolve()
    expect(begun.at(-1)).toBe('a2')
    expect([gate.underWay, gate.waiting]).toEqual([4, 1])
    for (const undo of leave) undo()
    await Promise.resolve()
    expect([gate.underWay, gate.waiting]).toEqual([0, 0])
    expect(() => new HandshakeGate(1)).toThrow(/got 1/)
  })
})
