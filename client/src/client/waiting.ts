import type { Undo } from '@holdfast/peer/ports'
import type { WaitOptions } from '../api.js'
import { throwIfAborted, unlessAborted } from '../replica/unless-aborted.js'

/** Resolves when the condition holds: asked now, and whenever there is news. `stop` ends all waits. */
export class Waits {
  readonly #waiting = new Set<{
    readonly look: () => boolean
    readonly resolve: () => void
    readonly reject: (error: unknown) => void
  }>()

  async until(look: () => boolean, { signal }: WaitOptions = {}): Promise<void> {
    throwIfAborted(signal)
    if (look()) return
    let forget: Undo | undefined
    const met = new Promise<void>((resolve, reject) => {
      const wait = { look, resolve, reject }
      this.#waiting.add(wait)
      forget = () => this.#waiting.delete(wait)
    })
    try {
      await unlessAborted(met, signal)
    } finally {
      forget?.()
    }
  }

  news(): void {
    for (const { look, resolve } of this.#waiting) if (look()) resolve()
  }

  stop(error: unknown): void {
    for (const { reject } of this.#waiting) reject(error)
  }
}
