import type { Member } from './links.js'

/**
 * Standing neighbours that members have named and that are not back yet: who waits for whom. Each
 * member's own list is bounded when it is written down, and ends with the member.
 */
export class Expectations {
  readonly #waitersById = new Map<string, Set<Member>>()

  /** `member` waits for these ids, none of which is there. */
  expect(member: Member, ids: readonly string[]): void {
    for (const id of ids) {
      member.expected.add(id)
      const waiters = this.#waitersById.get(id)
      if (waiters === undefined) this.#waitersById.set(id, new Set([member]))
      else waiters.add(member)
    }
  }

  /** The id is there: nobody waits for it any more. Those who did. */
  arrived(id: string): readonly Member[] {
    const waiters = [...(this.#waitersById.get(id) ?? [])]
    this.#waitersById.delete(id)
    for (const waiter of waiters) waiter.expected.delete(id)
    return waiters
  }

  /** `member` waits for nobody any more. */
  giveUp(member: Member): void {
    for (const id of member.expected) {
      const waiters = this.#waitersById.get(id)
      waiters?.delete(member)
      if (waiters?.size === 0) this.#waitersById.delete(id)
    }
    member.expected.clear()
  }
}
