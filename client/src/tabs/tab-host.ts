/** The tabs that follow this one, while it owns the store. */
import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import type { OwnerCore } from '../core/owner-core.js'
import { Guest } from './guest.js'
import { tabsBounds as bounds } from './limits.js'
import { TabLine } from './tab-line.js'
import type { LineWord } from './words.js'

export interface TabHostOptions {
  readonly core: OwnerCore
  readonly clock: Clock
  readonly logger: Logger
  readonly post: (to: string, line: LineWord) => void
}

export class TabHost {
  readonly #options: TabHostOptions
  readonly #guestByTab = new Map<string, Hosted>()
  #sweeping: Undo | undefined
  #isClosed = false

  constructor(options: TabHostOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#guestByTab.size
  }

  hear(from: string, said: LineWord): void {
    if (this.#isClosed) return
    const known = this.#guestByTab.get(from)
    if (known?.line.name === said.name) {
      known.heardAtMs = this.#options.clock.monotonic()
      known.line.take(said)
    } else if (said.n === 0 && said.word !== undefined) this.#begin(from, said)
    // Of an owner before, or of a line that was forgotten.
    else if (said.word !== undefined) this.#options.post(from, { name: said.name, n: 0 })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#sweeping?.()
    const guests = [...this.#guestByTab.values()].map(({ guest }) => guest.close('broken'))
    await Promise.all(guests)
    this.#guestByTab.clear()
  }

  #begin(from: string, said: LineWord): void {
    this.#forget(from, 'broken')
    if (this.#guestByTab.size >= bounds.maxFollowers) return
    const { core, clock, logger, post } = this.#options
    const line = new TabLine({
      name: said.name,
      post: (words) => post(from, words),
      hear: (word) => guest.hear(word),
      broken: () => {
        post(from, { name: said.name, n: 0 })
        this.#forget(from, 'broken')
      },
    })
    const guest: Guest = new Guest({ core, line, logger })
    this.#guestByTab.set(from, { line, guest, heardAtMs: clock.monotonic() })
    line.take(said)
    this.#sweepLater()
  }

  /** It says that it goes. */
  left(from: string): void {
    this.#forget(from, 'left')
  }

  #forget(from: string, why: 'left' | 'broken'): void {
    const known = this.#guestByTab.get(from)
    if (known === undefined) return
    this.#guestByTab.delete(from)
    known.line.close()
    void known.guest.close(why)
  }

  #sweepLater(): void {
    if (this.#isClosed || this.#guestByTab.size === 0) return
    const { clock } = this.#options
    this.#sweeping ??= clock.after(bounds.forgetAfterMs / 2, () => {
      this.#sweeping = undefined
      for (const [from, { heardAtMs }] of this.#guestByTab) {
        if (clock.monotonic() - heardAtMs >= bounds.forgetAfterMs) this.#forget(from, 'left')
      }
      this.#sweepLater()
    })
  }
}

interface Hosted {
  readonly line: TabLine
  readonly guest: Guest
  heardAtMs: number
}
