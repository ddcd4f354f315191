import type { Clock, Link, Random } from '../ports/index.js'
import type { Deadlines } from './deadlines.js'

/**
 * `equal`: both ask whether the other is there. Where one side serves many, the `caller` asks alone
 * and the `server` answers: each hears from the other as often, for half the frames.
 */
export type Side = 'equal' | 'caller' | 'server'

/** Where a channel stands. One object, which all its parts share: a server has thousands of them. */
export interface Setting {
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  readonly side: Side
  readonly deadlines: Deadlines | undefined
}

/** Whether both acknowledge little as soon as much. On other links that is gathered. */
export function isPrompt({ side }: Setting): boolean {
  return side === 'equal'
}
