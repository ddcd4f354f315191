import type { Clock, Undo } from '@holdfast/peer/ports'

/** Smaller ones are read again faster than they are looked after. */
const minBytes = 256 * 1024
const keptMs = 5_000
/** That are being made, or are kept. */
const maxAnswers = 8

/**
 * Large answers that many ask for at once: the state of a document that a crowd opens. It is read
 * and put into bytes once, and the same bytes wait on every link.
 */
export class SharedAnswers {
  readonly #clock: Clock
  readonly #maxKeptBytes: number
  /** The oldest first. */
  readonly #answers = new Map<string, Answer>()
  #keptBytes = 0

  /** @param maxKeptBytes of all but the last, which is kept whatever its size: a message has a bound */
  constructor(clock: Clock, maxKeptBytes: number) {
    this.#clock = clock
    this.#maxKeptBytes = maxKeptBytes
  }

  take(key: string, make: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    const known = this.#answers.get(key)
    if (known !== undefined) return known.made
    const made = make()
    if (this.#answers.size >= maxAnswers) return made
    const answer: Answer = { made, bytes: 0 }
    this.#answers.set(key, answer)
    void this.#look(key, answer)
    return made
  }

  /** Whoever asks from now on is answered by the log. */
  clear(): void {
    for (const [key, answer] of this.#answers) this.#forget(key, answer)
  }

  async #look(key: string, answer: Answer): Promise<void> {
    const bytes = await sizeOf(answer.made)
    if (this.#answers.get(key) !== answer) return
    if (bytes < minBytes) {
      this.#forget(key, answer)
      return
    }
    answer.bytes = bytes
    this.#keptBytes += bytes
    answer.stop = this.#clock.after(keptMs, () => this.#forget(key, answer))
    for (const [oldest, other] of this.#answers) {
      if (this.#keptBytes <= this.#maxKeptBytes) return
      // What is still being made takes no room yet.
      if (other !== answer && other.bytes > 0) this.#forget(oldest, other)
    }
  }

  #forget(key: string, answer: Answer): void {
    this.#answers.delete(key)
    this.#keptBytes -= answer.bytes
    answer.stop?.()
  }
}

interface Answer {
  readonly made: Promise<Uint8Array | undefined>
  /** Once it is made and kept. */
  bytes: number
  stop?: Undo
}

/** Of what cannot be made, whoever asked is told. */
async function sizeOf(made: Promise<Uint8Array | undefined>): Promise<number> {
  try {
    return (await made)?.length ?? 0
  } catch {
    return 0
  }
}
