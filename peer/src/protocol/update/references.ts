import { emptyCoverage, type IdRanges } from './coverage.js'

/**
 * The highest id referred to, for each client. Neighbouring structs mostly refer to the same client,
 * so the one named last is kept at hand.
 */
export class References {
  readonly #highestByClient = new Map<number, number>()
  #client = -1
  #highest = -1

  add(client: number, clock: number): void {
    if (client === this.#client) {
      if (clock > this.#highest) this.#highest = clock
      return
    }
    this.#store()
    this.#client = client
    this.#highest = Math.max(clock, this.#highestByClient.get(client) ?? -1)
  }

  toRanges(): IdRanges {
    if (this.#client < 0) return emptyCoverage.refs
    this.#store()
    const ranges = new Map<number, readonly number[]>()
    for (const [client, clock] of this.#highestByClient) ranges.set(client, [clock, clock + 1])
    return ranges
  }

  #store(): void {
    if (this.#client >= 0) this.#highestByClient.set(this.#client, this.#highest)
  }
}
