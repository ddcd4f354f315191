import { below, fraction, type Random } from '../ports/index.js'

/**
 * A random source that a seed determines: sfc32 (Doty-Humphrey's small fast counter generator,
 * 128 bits of state, passes PractRand), keyed by a hash of the seed. Fast and even; anything but
 * secret.
 *
 * One seed gives one stream for ever: a changed stream would make every recorded seed worthless,
 * so a test pins its first numbers.
 */
export class SeededRandom implements Random {
  /** What this stream was made from. */
  readonly seed: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string | number) {
    this.seed = String(seed)
    ;[this.#a, this.#b, this.#c] = keyOf(this.seed)
    // The first outputs still show the key.
    for (let round = 0; round < 15; round++) this.uint32()
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 4) {
      let word = this.uint32()
      for (let byte = at; byte < Math.min(at + 4, length); byte++) {
        bytes[byte] = word & 0xff
        word >>>= 8
      }
    }
    return bytes
  }

  /**
   * A stream of its own for `name`, independent of this one and of how much was drawn from it: a
   * draw added in one participant does not shift the others' chances. The same name gives the same
   * stream again, so whoever starts anew (a restarted host) needs a new name.
   */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.seed}/${name}`)
  }

  /** True in `rate` of all draws. 0 and 1 are never and always. */
  chance(rate: number): boolean {
    return fraction(this) < rate
  }

  /** A number from `from` up to, not including, `to`. */
  between(from: number, to: number): number {
    return from + (to - from) * fraction(this)
  }

  /** A whole number from 0 to `n` - 1. */
  below(n: number): number {
    return below(this, n)
  }

  /** One of `choices`, which must not be empty. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  /** A copy of `items` in a random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let at = shuffled.length - 1; at > 0; at--) {
      const other = this.below(at + 1)
      const moved = shuffled[at] as T
      shuffled[at] = shuffled[other] as T
      shuffled[other] = moved
    }
    return shuffled
  }
}

/** 96 bits from the text: three multiplicative hashes that feed each other, then a final mix. */
function keyOf(text: string): [number, number, number] {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = 0xb7e15162
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    a = Math.imul(a ^ unit, 0x85ebca6b) ^ (b >>> 15)
    b = Math.imul(b ^ unit, 0xc2b2ae35) ^ (c >>> 13)
    c = Math.imul(c ^ unit, 0x27d4eb2f) ^ (a >>> 16)
  }
  for (let round = 0; round < 3; round++) {
    a = Math.imul(a ^ (b >>> 16), 0x85ebca6b)
    b = Math.imul(b ^ (c >>> 13), 0xc2b2ae35)
    c = Math.imul(c ^ (a >>> 16), 0x27d4eb2f)
  }
  return [a | 0, b | 0, c | 0]
}
