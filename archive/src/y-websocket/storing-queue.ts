import type { YWebsocketSocket } from './socket.js'

/**
 * Updates of one socket on their way into the log: in order, all that wait as one group, one group
 * at a time. While too much waits, or somebody holds it, the socket is not read.
 */
export class StoringQueue {
  readonly #socket: Pick<YWebsocketSocket, 'pause' | 'resume'>
  readonly #maxBytes: number
  readonly #store: (updates: readonly Uint8Array[]) => Promise<void>
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #storingBytes = 0
  #state: 'waiting' | 'open' | 'storing' | 'closed' = 'waiting'
  #holds = 0
  #isPaused = false

  /** @param store never rejects */
  constructor(
    socket: Pick<YWebsocketSocket, 'pause' | 'resume'>,
    maxBytes: number,
    store: (updates: readonly Uint8Array[]) => Promise<void>,
  ) {
    this.#socket = socket
    this.#maxBytes = maxBytes
    this.#store = store
  }

  get isOpen(): boolean {
    return this.#state === 'open' || this.#state === 'storing'
  }

  /** From now on what waits is stored. */
  open(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'open'
    void this.#run()
  }

  add(update: Uint8Array): void {
    if (this.#state === 'closed') return
    this.#waiting.push(update)
    this.#waitingBytes += update.byteLength
    this.#look()
    if (this.#state === 'open') void this.#run()
  }

  /** Stops reading until the returned function is called. */
  hold(): () => void {
    this.#holds++
    this.#look()
    return () => {
      this.#holds--
      this.#look()
    }
  }

  /** Forgets what waits. What is being stored goes on. */
  close(): void {
    this.#state = 'closed'
    this.#waiting = []
    this.#waitingBytes = 0
  }

  async #run(): Promise<void> {
    while (this.#state === 'open' && this.#waiting.length > 0) {
      const updates = this.#waiting
      this.#storingBytes = this.#waitingBytes
      this.#waiting = []
      this.#waitingBytes = 0
      this.#state = 'storing'
      await this.#store(updates)
      this.#storingBytes = 0
      this.#finish()
    }
  }

  #finish(): void {
    if (this.#state === 'storing') this.#state = 'open'
    this.#look()
  }

  #look(): void {
    if (this.#state === 'closed') return
    const shouldPause = this.#holds > 0 || this.#waitingBytes + this.#storingBytes > this.#maxBytes
    if (shouldPause === this.#isPaused) return
    this.#isPaused = shouldPause
    if (shouldPause) this.#socket.pause()
    else this.#socket.resume()
  }
}
