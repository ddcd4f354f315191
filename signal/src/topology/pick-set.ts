import { below, type Random } from '@holdfast/peer/ports'

/**
 * A member that `fits`, looked for from a random place on, among at most `within` members. Who
 * knows that no more than k members do not fit, and looks within k + 1, is certain to find one
 * wherever one exists: this is how picks stay exact and their cost independent of the size.
 */
export function pickFrom<T>(
  members: readonly T[],
  random: Random,
  within: number,
  fits: (member: T) => boolean,
): T | undefined {
  const size = members.length
  if (size === 0) return undefined
  const from = below(random, size)
  for (let step = 0; step < Math.min(within, size); step++) {
    const member = members[(from + step) % size] as T
    if (fits(member)) return member
  }
  return undefined
}

/** A set with `pickFrom`: an array in no particular order, and each member's place in it. */
export class PickSet<T> {
  readonly #members: T[] = []
  readonly #places = new Map<T, number>()

  add(member: T): void {
    if (this.#places.has(member)) return
    this.#places.set(member, this.#members.length)
    this.#members.push(member)
  }

  delete(member: T): void {
    const place = this.#places.get(member)
    if (place === undefined) return
    this.#places.delete(member)
    const last = this.#members.pop() as T
    if (last === member) return
    this.#members[place] = last
    this.#places.set(last, place)
  }

  pick(random: Random, within: number, fits: (member: T) => boolean): T | undefined {
    return pickFrom(this.#members, random, within, fits)
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#members[Symbol.iterator]()
  }
}
