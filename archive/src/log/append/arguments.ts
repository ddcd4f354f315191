import { LogError } from '../errors.js'
import type { AppendOp } from '../port.js'

/** Throws at what only a mistake of the caller's can give to `append`. */
export function assertAppendable(ops: readonly AppendOp[]): void {
  for (const { kind, id, document } of ops) {
    assertWhole('generation', document.generation, 0)
    if (kind !== 'live') continue
    if (id === undefined) throw new LogError('invalid-argument', 'a live op without an id')
    assertWhole('n', id.n, 1)
  }
}

export function assertWhole(what: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new LogError('invalid-argument', `${what} takes a whole number from ${least}, got ${value}`)
}
