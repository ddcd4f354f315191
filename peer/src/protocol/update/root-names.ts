import { wrong } from './wrong.js'

/**
 * Counts the different names of root types in an update, up to a limit. Neighbouring items mostly
 * name the same one: that is compared in place, and only another one is copied and looked up.
 */
export class RootNames {
  readonly #maxNames: number
  readonly #names = new Set<string>()
  #from = 0
  #to = -1

  constructor(maxNames: number) {
    this.#maxNames = maxNames
  }

  /** The name lies in `bytes` from `from` to `to`, which stay as they are while this is in use. */
  add(bytes: Uint8Array, from: number, to: number): void {
    if (this.#isLast(bytes, from, to)) return
    this.#from = from
    this.#to = to
    this.#names.add(bytesAsText(bytes, from, to))
    if (this.#names.size > this.#maxNames) throw wrong.tooManyRootTypes
  }

  #isLast(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from !== this.#to - this.#from) return false
    for (let i = 0; i < to - from; i++) {
      if (bytes[from + i] !== bytes[this.#from + i]) return false
    }
    return true
  }
}

/** Each byte as one character: different bytes give different texts. */
function bytesAsText(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] as number)
  return text
}
