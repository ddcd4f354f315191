/**
 * Memory for small frames, cut from larger pieces: a buffer of its own for each keystroke would cost
 * more than all else that is done for it. A piece lives as long as anything that was cut from it.
 */
export class SmallMemory {
  #piece = new Uint8Array(0)
  #at = 0

  take(length: number): Uint8Array {
    if (length > maxCutBytes) return new Uint8Array(length)
    if (this.#at + length > this.#piece.length) {
      this.#piece = new Uint8Array(pieceBytes)
      this.#at = 0
    }
    const taken = this.#piece.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }
}

/** Above this a buffer of its own is worth it. */
const maxCutBytes = 1_024
const pieceBytes = 16_384
