import type { Clock, Undo } from '../ports/index.js'
import { mergeUpdates } from '../yjs/index.js'
import { syncBounds as bounds } from './limits.js'

/**
 * Gathers the edits of one document into ops. The first leaves at once, within the call, so that a
 * keystroke waits for nothing; what follows soon is merged.
 *
 *   idle ──edit: leaves──► gathering ──20 ms, with edits: one op──► gathering
 *     ▲                        └──────20 ms, without──────┐
 *     └──────────────────────────────────────────────────┘
 */
export class Edits {
  readonly #clock: Clock
  readonly #leave: (bytes: Uint8Array) => void
  #waiting: Uint8Array[] = []
  #gathering: Undo | undefined

  constructor(clock: Clock, leave: (bytes: Uint8Array) => void) {
    this.#clock = clock
    this.#leave = leave
  }

  add(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    if (this.#gathering === undefined) this.#gather()
  }

  /** What waits leaves now; nothing is armed afterwards. */
  flush(): void {
    this.#gathering?.()
    this.#gathering = undefined
    this.#leaveTogether()
  }

  /** What waits is forgotten; nothing is armed afterwards. */
  drop(): void {
    this.#waiting = []
    this.flush()
  }

  #gather(): void {
    this.#gathering = this.#clock.after(bounds.gatherMs, () => {
      this.#gathering = undefined
      if (this.#waiting.length > 0) this.#gather()
    })
    this.#leaveTogether()
  }

  #leaveTogether(): void {
    const edits = this.#waiting
    this.#waiting = []
    if (edits.length > 0) this.#leave(mergeUpdates(edits))
  }
}
