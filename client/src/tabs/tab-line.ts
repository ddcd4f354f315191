/**
 * One end of a line between two tabs. Each direction is numbered: a message that did not arrive ends
 * the line, and whoever made it makes another, on which everything is said anew.
 *
 *   open ──a number is missing, or the other end knows it no more──► broken
 */
import type { LineWord } from './words.js'

export interface TabLineOptions {
  readonly name: string
  readonly post: (line: LineWord) => void
  readonly hear: (word: unknown) => void
  /** Told once. */
  readonly broken: () => void
}

export class TabLine {
  readonly name: string
  readonly #options: TabLineOptions
  #sent = 0
  #heard = 0
  #isOpen = true

  constructor(options: TabLineOptions) {
    this.#options = options
    this.name = options.name
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  say(word: unknown): void {
    if (!this.#isOpen) return
    this.#options.post({ name: this.name, n: this.#sent++, word })
  }

  take({ n, word }: LineWord): void {
    if (!this.#isOpen) return
    if (word === undefined || n !== this.#heard) {
      this.close()
      this.#options.broken()
      return
    }
    this.#heard++
    this.#options.hear(word)
  }

  /** Nothing is said or heard any more. The other end is told when it speaks. Idempotent. */
  close(): void {
    this.#isOpen = false
  }
}
