import { ClientError } from '../../errors.js'

/** Calls one after the other, in the order in which they were made; and an end that waits for them. */
export class CallQueue {
  readonly #what: string
  /** Resolves when the last call is done, whatever became of it. */
  #last: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  /** @param what is closed, for the message of calls that come too late */
  constructor(what: string) {
    this.#what = what
  }

  get isClosed(): boolean {
    return this.#closing !== undefined
  }

  /** Rejects with what the call threw, which harms none of those behind it; with `closed` after `close`. */
  run<Result>(call: () => Result | Promise<Result>): Promise<Result> {
    if (this.isClosed) {
      return Promise.reject(new ClientError('closed', `${this.#what} was closed`))
    }
    return this.#after(call)
  }

  /** Runs `end` after everything that was begun. Idempotent: the same promise again. */
  close(end: () => void | Promise<void>): Promise<void> {
    this.#closing ??= this.#after(end)
    return this.#closing
  }

  #after<Result>(call: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#last.then(call)
    // Whoever made the call hears of its failure; the next call only needs to know that it is over.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }
}
