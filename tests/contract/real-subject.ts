import type { Link } from '@holdfast/peer/ports'
import { vi } from 'vitest'
import type { LinkSubject } from './describeLink.js'

/** Real links for the contract suite: real turns of the event loop, real time, a deadline. */
export function realSubject(a: Link, b: Link, close: () => void | Promise<void>): LinkSubject {
  return { a, b, until, close }
}

/** Polls until the condition holds; fails after long enough for any machine. */
export async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error('not yet')
    },
    { timeout: 40_000, interval: 2 },
  )
}
