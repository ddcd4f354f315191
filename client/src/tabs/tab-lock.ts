import type { Logger } from '@holdfast/peer/ports'
import type { HeldLock, TabsPort } from './port.js'

/** The turn to own the store: waited for, taken from whoever sleeps on it, or not wanted any more. */
export class TabLock {
  readonly #port: TabsPort
  readonly #logger: Logger
  /** Whoever waits, if anybody does. */
  #granted: (held: HeldLock | undefined) => void = () => {}
  #isStealing = false

  constructor(port: TabsPort, logger: Logger) {
    this.#port = port
    this.#logger = logger
  }

  /** Undefined: it is not wanted any more. */
  async wait(): Promise<HeldLock | undefined> {
    const request = this.#port.request()
    const other = new Promise<HeldLock | undefined>((resolve) => (this.#granted = resolve))
    const held = await Promise.race([request.granted, other])
    request.withdraw()
    this.#granted = (late) => late?.release()
    return held
  }

  /** Nobody has answered: whoever has the lock sleeps on it. */
  steal(): void {
    if (this.#isStealing) return
    this.#isStealing = true
    this.#port.steal().then(
      (held) => {
        this.#isStealing = false
        // Granted meanwhile: the one who has it is ourselves, and goes on when it is back.
        this.#granted(held)
        return undefined
      },
      (error: unknown) => {
        this.#isStealing = false
        this.#logger.error('the lock could not be taken over', { error: String(error) })
      },
    )
  }

  giveUp(): void {
    this.#granted(undefined)
  }
}
