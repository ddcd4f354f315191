import { followAppState } from '@holdfast/client/testing'
import { expect, test } from 'vitest'

test('[NATIVE-6] an app is away in the background, and when it is active again no pause is waited for', () => {
  const { appState, change, listeners } = phone('active')
  const { host, told } = recorder()
  const stop = followAppState(appState, host)
  for (const state of ['inactive', 'background', 'background', 'inactive']) change(state)
  expect(told).toEqual(['away'])
  change('active')
  change('active')
  expect(told).toEqual(['away', 'here', 'retry'])
  stop()
  expect(listeners.size).toBe(0)
})

test('[NATIVE-6] an app that begins in the background is away from the start', () => {
  const { appState, change } = phone('background')
  const { host, told } = recorder()
  followAppState(appState, host)
  expect(told).toEqual(['away'])
  change('active')
  expect(told).toEqual(['away', 'here', 'retry'])
})

test('[NATIVE-6] a state that is not known yet changes nothing', () => {
  const { appState } = phone(null)
  const { host, told } = recorder()
  followAppState(appState, host)
  expect(told).toEqual([])
})

function phone(currentState: string | null) {
  const listeners = new Set<(state: string) => void>()
  const appState = {
    currentState,
    addEventListener(_type: 'change', listener: (state: string) => void) {
      listeners.add(listener)
      return { remove: () => void listeners.delete(listener) }
    },
  }
  const change = (state: string): void => {
    for (const listener of listeners) listener(state)
  }
  return { appState, change, listeners }
}

function recorder() {
  const told: string[] = []
  const host = {
    setAway: (away: boolean) => void told.push(away ? 'away' : 'here'),
    retryNow: () => void told.push('retry'),
  }
  return { host, told }
}
