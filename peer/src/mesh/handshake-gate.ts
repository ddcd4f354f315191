import type { Undo } from '../ports/index.js'
import { meshBounds as bounds } from './limits.js'

/**
 * Lets few handshakes be under way at a time, of all meshes that it was handed to. Answers go before
 * calls, and one place is theirs alone, so two processes that call each other never wait for each
 * other.
 */
export class HandshakeGate {
  readonly #maxHandshakes: number
  readonly #waiting: Readonly<Record<'answer' | 'call', Place[]>> = { answer: [], call: [] }
  #calls = 0
  #answers = 0

  /** @param maxHandshakes at least 2 */
  constructor(maxHandshakes: number = bounds.maxHandshakes) {
    if (!Number.isInteger(maxHandshakes) || maxHandshakes < 2) {
      throw new RangeError(`a gate has a whole number of places from 2, got ${maxHandshakes}`)
    }
    this.#maxHandshakes = maxHandshakes
  }

  /** Handshakes that have a place. */
  get underWay(): number {
    return this.#calls + this.#answers
  }

  get waiting(): number {
    return this.#waiting.answer.length + this.#waiting.call.length
  }

  /**
   * `begin` is called when there is a place, in a later turn. The undo gives the place back, or ends
   * the waiting.
   */
  enter(kind: 'answer' | 'call', begin: () => void): Undo {
    const place: Place = { kind, begin, state: 'waiting' }
    this.#waiting[kind].push(place)
    queueMicrotask(() => this.#admit())
    return () => this.#leave(place)
  }

  #leave(place: Place): void {
    if (place.state === 'inside') {
      if (place.kind === 'answer') this.#answers--
      else this.#calls--
      queueMicrotask(() => this.#admit())
    } else if (place.state === 'waiting') {
      const waiting = this.#waiting[place.kind]
      waiting.splice(waiting.indexOf(place), 1)
    }
    place.state = 'left'
  }

  #admit(): void {
    for (;;) {
      const place = this.#next()
      if (place === undefined) return
      place.state = 'inside'
      if (place.kind === 'answer') this.#answers++
      else this.#calls++
      place.begin()
    }
  }

  #next(): Place | undefined {
    if (this.underWay >= this.#maxHandshakes) return undefined
    const answer = this.#waiting.answer.shift()
    if (answer !== undefined) return answer
    const mayCall = this.#calls < this.#maxHandshakes - bounds.answersReserved
    return mayCall ? this.#waiting.call.shift() : undefined
  }
}

interface Place {
  readonly kind: 'answer' | 'call'
  readonly begin: () => void
  state: 'waiting' | 'inside' | 'left'
}
