import { SimulationError, VirtualClock } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[WORLD-1] tasks run by time, and in the order of arming at one instant', () => {
  const clock = new VirtualClock()
  const ran: string[] = []
  const log = (what: string) => () => void ran.push(`${clock.monotonic()} ${what}`)
  clock.after(20, log('c'))
  clock.after(10, log('a'))
  clock.after(10, log('b'))
  clock.after(0, () => clock.after(10, log('armed later for the same instant')))
  expect(ran).toEqual([])
  clock.advance(15)
  expect(ran).toEqual(['10 a', '10 b', '10 armed later for the same instant'])
  expect(clock.monotonic()).toBe(15)
  clock.advance(5)
  expect(ran.at(-1)).toBe('20 c')
  expect(clock.pendingTasks).toBe(0)
})

test('[WORLD-1] thousands of tasks, armed and undone in any order, run sorted', () => {
  const clock = new VirtualClock()
  const expected: number[] = []
  const ran: number[] = []
  for (let index = 0; index < 5_000; index++) {
    const atMs = (index * 7_919) % 1_009
    const undo = clock.after(atMs, () => ran.push(atMs))
    if (index % 3 === 0) undo()
    else expected.push(atMs)
  }
  expect(clock.pendingTasks).toBe(expected.length)
  clock.advance(2_000)
  expect(ran).toEqual(expected.toSorted((a, b) => a - b))
})

test('[WORLD-2] an undone task never runs, and undoing again is harmless', () => {
  const clock = new VirtualClock()
  const ran: string[] = []
  const undo = clock.after(5, () => ran.push('undone'))
  const undoOther = clock.after(5, () => undoSecond())
  const undoSecond = clock.after(5, () => ran.push('undone at its own instant'))
  clock.after(5, () => ran.push('kept'))
  undo()
  undo()
  clock.advance(10)
  undoOther()
  expect(ran).toEqual(['kept'])
})

test('[WORLD-2] a delay below zero counts as zero and still waits for a turn', () => {
  const clock = new VirtualClock()
  const ran: number[] = []
  clock.after(-50, () => ran.push(clock.monotonic()))
  expect(ran).toEqual([])
  clock.advance(0)
  expect(ran).toEqual([0])
})

test('[WORLD-3] promises are followed to their end before the next task, however long the chain', async () => {
  const clock = new VirtualClock()
  const seen: string[] = []
  clock.after(1, () => {
    void (async () => {
      for (let turn = 0; turn < 5_000; turn++) await Promise.resolve()
      seen.push(`chain ends at ${clock.monotonic()}`)
      await new Promise<void>((resolve) => clock.after(5, resolve))
      seen.push(`wakes at ${clock.monotonic()}`)
    })()
  })
  clock.after(1, () => seen.push('next task of the same instant'))
  clock.after(6, () => seen.push('a task before the one that wakes it'))
  await clock.run(10)
  expect(seen).toEqual([
    'chain ends at 1',
    'next task of the same instant',
    'a task before the one that wakes it',
    'wakes at 6',
  ])
})

test('[WORLD-3] what is already on its way settles before time moves', async () => {
  const clock = new VirtualClock()
  let startedAt: number | undefined
  void (async () => {
    await Promise.resolve()
    startedAt = clock.monotonic()
  })()
  await clock.run(1_000)
  expect(startedAt).toBe(0)
})

test('[WORLD-4] the wall clock jumps both ways, timers and the monotonic clock do not', () => {
  const clock = new VirtualClock({ startMs: 1_000_000 })
  let ranAt: number | undefined
  clock.after(100, () => (ranAt = clock.monotonic()))
  clock.advance(50)
  clock.jump(-3_600_000)
  expect(clock.now()).toBe(1_000_050 - 3_600_000)
  clock.jump(7_200_000)
  clock.advance(50)
  expect(clock.now()).toBe(1_000_100 + 3_600_000)
  expect(ranAt).toBe(100)
})

test('[WORLD-5] a run that spins without time passing fails and names what was pending', async () => {
  const lines = ['1.000 something happened']
  const clock = new VirtualClock({
    limits: { maxTasksPerInstant: 1_000 },
    lastLines: () => lines,
  })
  const spin = (): void => void clock.after(0, spin)
  spin()
  clock.after(77, () => {}, 'alice: heartbeat')
  const error = await clock.run(10).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(SimulationError)
  expect(error).toMatchObject({ code: 'hung' })
  expect(String(error)).toContain('1000 tasks without time passing')
  expect(String(error)).toContain('77.000 alice: heartbeat')
  expect(String(error)).toContain('1.000 something happened')
})

test('[WORLD-5] promises that arm tasks for ever at one instant are caught too', async () => {
  const clock = new VirtualClock({ limits: { maxTasksPerInstant: 500 } })
  void (async () => {
    for (;;) await new Promise<void>((resolve) => clock.after(0, resolve))
  })()
  await expect(clock.run(1)).rejects.toMatchObject({ code: 'hung' })
})

test('[WORLD-5] a run that would take too many tasks fails', () => {
  const clock = new VirtualClock()
  const tick = (): void => void clock.after(1, tick)
  tick()
  expect(() => clock.advanceUntil(() => false, { maxTasks: 100 })).toThrow('100 tasks in one run')
})

test('[WORLD-5] a condition that never comes true fails at the end of its time, or when nothing is left', async () => {
  const clock = new VirtualClock()
  const tick = (): void => void clock.after(10, tick, 'ticker')
  tick()
  const late = clock.runUntil(() => false, { maxVirtualMs: 95 })
  await expect(late).rejects.toMatchObject({ code: 'out-of-time' })
  await expect(late).rejects.toThrow('100.000 ticker')
  const idle = new VirtualClock()
  await expect(idle.runUntil(() => false)).rejects.toMatchObject({ code: 'nothing-left' })
  expect(() => idle.advanceUntil(() => false)).toThrow('nothing is left to happen')
})

test('[WORLD-5] a condition is looked at only as often as asked, and once more at the end', async () => {
  const clock = new VirtualClock()
  let ticks = 0
  const tick = (): void => {
    ticks++
    clock.after(1, tick)
  }
  tick()
  let looks = 0
  await clock.runUntil(
    () => {
      looks++
      return ticks > 200
    },
    { checkEveryMs: 50, maxVirtualMs: 230 },
  )
  expect(looks).toBeLessThanOrEqual(7)
  expect(clock.monotonic()).toBeGreaterThanOrEqual(200)
})

test('[WORLD-6] an error in a task, or one that is reported, ends the run that is under way', async () => {
  const clock = new VirtualClock()
  clock.after(1, () => {
    throw new Error('in a task')
  })
  await expect(clock.run(10)).rejects.toThrow('in a task')
  clock.after(1, () => {
    void Promise.reject(new Error('in a promise')).catch((error: unknown) => clock.fail(error))
  })
  await expect(clock.run(10)).rejects.toThrow('in a promise')
  await clock.run(10)
  expect(clock.pendingTasks).toBe(0)
})

test('[WORLD-7] drain runs until nothing is armed', async () => {
  const clock = new VirtualClock()
  const ran: number[] = []
  clock.after(10, () => clock.after(100_000, () => ran.push(clock.monotonic())))
  await clock.drain()
  expect(ran).toEqual([100_010])
})

test('[WORLD-8] the caller’s mistakes are named at once', async () => {
  const clock = new VirtualClock()
  expect(() => clock.after(Number.NaN, () => {})).toThrow('got NaN')
  expect(() => clock.after(Number.POSITIVE_INFINITY, () => {})).toThrow('got Infinity')
  expect(() => clock.advance(-1)).toThrow('got -1')
  clock.after(1, () => clock.advance(1))
  expect(() => clock.advance(5)).toThrow('already running')
  const running = clock.run(5)
  await expect(clock.run(5)).rejects.toThrow('already running')
  await running
})
