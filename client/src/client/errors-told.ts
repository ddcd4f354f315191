/** Errors that no call was waiting for: to those who listen, or where nobody can miss them. */
import type { Clock, Undo } from '@holdfast/peer/ports'
import type { ClientError } from '../errors.js'
import { adviceOf } from './advice.js'
import { AppListeners } from './app-listeners.js'
import { sayOnConsole } from './console.adapter.js'

export class ErrorsTold {
  readonly #clock: Clock
  readonly #onError = new AppListeners<[ClientError]>('onError', ({ cause }) =>
    sayOnConsole('holdfast: a listener of onError threw', cause),
  )
  #waiting: ClientError[] = []
  #telling: Undo | undefined
  /** Until the app has its client, it cannot listen. */
  #isHeld = true

  constructor(clock: Clock) {
    this.#clock = clock
  }

  on(listener: (error: ClientError) => void): Undo {
    return this.#onError.add(listener)
  }

  /** Told in a later turn. */
  tell(error: ClientError): void {
    this.#waiting.push(error)
    this.#tellSoon()
  }

  /** The app has its client. */
  begin(): void {
    this.#isHeld = false
    this.#tellSoon()
  }

  /** What was not told yet is told now. */
  close(): void {
    this.#telling?.()
    this.#tellAll()
    this.#onError.clear()
  }

  #tellSoon(): void {
    if (this.#isHeld || this.#waiting.length === 0) return
    this.#telling ??= this.#clock.after(0, () => {
      this.#telling = undefined
      this.#tellAll()
    })
  }

  #tellAll(): void {
    for (const error of this.#waiting.splice(0)) this.#tellOne(error)
  }

  #tellOne(error: ClientError): void {
    if (this.#onError.size === 0) {
      sayOnConsole(`holdfast: ${error.code}: ${error.message}. ${adviceOf(error.code)}`, error)
      return
    }
    this.#onError.tell(error)
  }
}
