import type { Clock, Logger, Undo } from '../ports/index.js'
import { signallingBounds } from '../protocol/index.js'

/** Gives a token for the server, fresh each time that it is asked; undefined where none is needed. */
export type TokenProvider = () => string | undefined | Promise<string | undefined>

/** The token, which may be none; or that there is none because the provider failed or was too slow. */
export type TokenAnswer =
  | { readonly ok: true; readonly token: string | undefined }
  | { readonly ok: false }

/**
 * The application's token provider, with a deadline. Whoever asks while an answer is under way
 * shares it, so a return with ten collections asks the application once.
 */
export class TokenSource {
  readonly #provider: TokenProvider | undefined
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #deadlineMs: number
  readonly #waiting = new Set<(answer: TokenAnswer) => void>()
  #question: object | undefined
  #deadline: Undo = () => {}

  constructor(
    provider: TokenProvider | undefined,
    clock: Clock,
    logger: Logger,
    deadlineMs: number,
  ) {
    this.#provider = provider
    this.#clock = clock
    this.#logger = logger
    this.#deadlineMs = deadlineMs
  }

  /** Whether there is anybody to ask. */
  get hasProvider(): boolean {
    return this.#provider !== undefined
  }

  /** Asks; `onAnswer` is called once, perhaps within this call, unless it is undone. */
  ask(onAnswer: (answer: TokenAnswer) => void): Undo {
    if (this.#provider === undefined) {
      onAnswer({ ok: true, token: undefined })
      return () => {}
    }
    const heard = (answer: TokenAnswer): void => onAnswer(answer)
    this.#waiting.add(heard)
    if (this.#question === undefined) this.#pose(this.#provider)
    return () => {
      this.#waiting.delete(heard)
      if (this.#waiting.size === 0) this.close()
    }
  }

  /** Forgets who waits and what was asked. */
  close(): void {
    this.#waiting.clear()
    this.#deadline()
    this.#question = undefined
  }

  #pose(provider: TokenProvider): void {
    const question = {}
    this.#question = question
    const settle = (answer: TokenAnswer): void => {
      if (this.#question === question) this.#answer(answer)
    }
    const fail = (error: unknown): void => {
      // Only the kind of error: its message might quote a token.
      this.#logger.error('no token could be had', {
        error: error instanceof Error ? error.name : typeof error,
      })
      settle({ ok: false })
    }
    let given: ReturnType<TokenProvider>
    try {
      given = provider()
    } catch (error) {
      fail(error)
      return
    }
    if (given === undefined || typeof given === 'string') {
      settle(answerOf(given))
      return
    }
    this.#deadline = this.#clock.after(this.#deadlineMs, () => fail(new Error('too slow')))
    Promise.resolve(given).then((token) => settle(answerOf(token)), fail)
  }

  #answer(answer: TokenAnswer): void {
    this.#question = undefined
    this.#deadline()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const onAnswer of waiting) onAnswer(answer)
  }
}

/** The provider is the application's, so its word is checked like any other. */
function answerOf(token: unknown): TokenAnswer {
  if (token === undefined || token === null) return { ok: true, token: undefined }
  if (typeof token !== 'string' || token.length > signallingBounds.maxTokenUnits)
    return { ok: false }
  return { ok: true, token }
}
