import { systemClock } from '@holdfast/peer/ports'
import { afterEach, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.useRealTimers()
})

test('[WORLD-30] the system clock keeps delays that are longer than a platform timer', () => {
  vi.useFakeTimers()
  const fortyDaysMs = 40 * 24 * 60 * 60 * 1000
  let ran = 0
  systemClock.after(fortyDaysMs, () => ran++)
  const undo = systemClock.after(fortyDaysMs, () => ran++)
  vi.advanceTimersByTime(fortyDaysMs - 1_000)
  expect(ran).toBe(0)
  undo()
  vi.advanceTimersByTime(1_000)
  expect(ran).toBe(1)
  expect(vi.getTimerCount()).toBe(0)
})

test('[WORLD-30] the system clock refuses a delay that is no finite number', () => {
  for (const delayMs of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => systemClock.after(delayMs, () => {})).toThrow(RangeError)
  }
})
