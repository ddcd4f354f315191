/**
 * What a member of a room is to the mesh: a `writer` carries it, a `reader` (it may not write)
 * hangs off writers, an `archive` is offered to everybody.
 */
export type Role = 'writer' | 'reader' | 'archive'

/** A link to be made or given up. The caller is the end with the smaller id (by UTF-16 units). */
export interface Pair {
  readonly caller: string
  readonly callee: string
}

/** What one join or leave changes. No pair is in both lists; links to archives come first. */
export interface TopologyChange {
  readonly added: readonly Pair[]
  readonly removed: readonly Pair[]
}

/** Mesh: writer and writer. Spoke: writer and reader. Archive: an archive at one end, or at both. */
export type LinkGroup = 'mesh' | 'spoke' | 'archive'

/** One member with its links, each of which its other end has too. */
export interface Member {
  readonly id: string
  readonly role: Role
  readonly mesh: Set<Member>
  readonly spoke: Set<Member>
  readonly archive: Set<Member>
  /** Ids of standing neighbours that are not back yet. Empty once the member is placed. */
  readonly expected: Set<string>
}

export function createMember(id: string, role: Role): Member {
  return {
    id,
    role,
    mesh: new Set(),
    spoke: new Set(),
    archive: new Set(),
    expected: new Set(),
  }
}

/** Makes and cuts links, and keeps what has changed since it was last asked. */
export class Links {
  #added: Pair[] = []
  #removed: Pair[] = []

  connect(group: LinkGroup, a: Member, b: Member): void {
    a[group].add(b)
    b[group].add(a)
    note(pairOf(a.id, b.id), this.#added, this.#removed)
  }

  disconnect(group: LinkGroup, a: Member, b: Member): void {
    a[group].delete(b)
    b[group].delete(a)
    note(pairOf(a.id, b.id), this.#removed, this.#added)
  }

  takeChange(): TopologyChange {
    const change = { added: this.#added, removed: this.#removed }
    this.#added = []
    this.#removed = []
    return change
  }
}

/** The two ids as a pair: both ends, and the signaller, work out the same caller from them. */
export function pairOf(a: string, b: string): Pair {
  return a < b ? { caller: a, callee: b } : { caller: b, callee: a }
}

/** A link that was made and cut within one change, or the other way round, has not changed. */
function note(pair: Pair, here: Pair[], there: Pair[]): void {
  const opposite = there.findIndex((p) => p.caller === pair.caller && p.callee === pair.callee)
  if (opposite >= 0) there.splice(opposite, 1)
  else here.push(pair)
}
