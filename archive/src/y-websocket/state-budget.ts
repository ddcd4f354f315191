/**
 * What whole states may take while they wait in sockets, everybody's together. A state is one
 * message to a y-websocket client, however large; a storm of joins is therefore served a few at a
 * time, first come first served.
 */
export class StateBudget {
  readonly #maxBytes: number
  #bytes = 0
  #reading = 0
  readonly #waiting: (() => void)[] = []

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Waits for its turn. Each lease has to be ended. */
  async begin(): Promise<StateLease> {
    if (!this.#hasRoom) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#reading++
    let isReading = true
    let held = 0
    return {
      hold: (bytes) => {
        this.#bytes += bytes - held
        held = bytes
        if (!isReading) return
        isReading = false
        this.#reading--
        this.#wake()
      },
      end: () => {
        this.#bytes -= held
        held = 0
        if (isReading) this.#reading--
        isReading = false
        this.#wake()
      },
    }
  }

  get #hasRoom(): boolean {
    return this.#reading < maxReading && this.#bytes < this.#maxBytes
  }

  #wake(): void {
    while (this.#hasRoom) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      // Its place is taken here: whoever asks before it runs must not take it too.
      this.#reading++
      next()
    }
  }
}

export interface StateLease {
  /** The state has been read and waits with so many bytes. */
  hold(bytes: number): void
  end(): void
}

/** The log reads whole documents one after the other: more would only hold the results. */
const maxReading = 4
