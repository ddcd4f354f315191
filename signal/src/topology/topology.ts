/**
 * Who is linked with whom in one room. A pure structure: no sockets, no clock, chance from the
 * given source, so that a seed replays it.
 *
 *   archives     linked with everybody, up to their own cap        (archive-links.ts)
 *   writers      full mesh up to 8, then ring and random chords     (writer-mesh.ts)
 *   readers      hang off writers                                   (reader-spokes.ts)
 *
 * Guarantees, after any sequence of joins and leaves:
 * - writers are connected with each other through writers alone;
 * - above `fullMeshUpTo` each writer has `leastLinks` to `mostLinks` links to writers;
 * - every cap holds for both ends of every link;
 * - the join or leave of a writer or reader changes, and costs, O(degree), whatever the size of
 *   the room; that of an archive is proportional to the links that the archive has.
 *
 * **Coming back.** When the server restarts, its peers keep their links and come back one by one,
 * each naming those links. Building the room anew at that pace would tear most of them. So a
 * member that names standing neighbours which are not back yet is *waiting*: it gets the links
 * that it named and are there, its room is kept for the others as far as that is possible, and the
 * first two guarantees do not cover it yet. It is placed like any newcomer, around what it has,
 * when the last one named is back, or at `settle`, which the server calls after a few seconds.
 */
import type { Random } from '@holdfast/peer/ports'
import { ArchiveLinks } from './archive-links.js'
import { Expectations } from './expectations.js'
import { topologyLimits, type TopologyLimits } from './limits.js'
import {
  createMember,
  Links,
  pairOf,
  type Member,
  type Pair,
  type Role,
  type TopologyChange,
} from './links.js'
import { ReaderSpokes } from './reader-spokes.js'
import { WriterMesh } from './writer-mesh.js'

export interface TopologyOptions {
  readonly random: Random
  readonly limits?: Partial<TopologyLimits>
}

export interface JoinOptions {
  /** An archive's own cap, instead of `linksPerArchive`. Ignored for writers and readers. */
  readonly mostLinks?: number
  /**
   * Members to which a link stands already, as far as the newcomer says. They become its
   * neighbours before any other, where caps allow. Ids that are not there make it wait.
   */
  readonly standing?: readonly string[]
}

export interface Topology {
  /** How many members there are. */
  readonly size: number
  readonly limits: TopologyLimits
  has(id: string): boolean
  /** Takes a new member in. Throws when the id is there already: leave first. */
  join(id: string, role: Role, options?: JoinOptions): TopologyChange
  /** Whether the member waits for standing neighbours: `settle` it some seconds after its join. */
  isWaiting(id: string): boolean
  /** Places a member that waits, without those who have not come. Changes nothing for any other. */
  settle(id: string): TopologyChange
  /** Lets a member go; `removed` names its own links too. Changes nothing for an unknown id. */
  leave(id: string): TopologyChange
  /** The links of a member, those to archives first. Empty for an unknown id. */
  linksOf(id: string): readonly Pair[]
}

export function createTopology(options: TopologyOptions): Topology {
  return new RoomTopology(options.random, topologyLimits(options.limits))
}

class RoomTopology implements Topology {
  readonly limits: TopologyLimits
  readonly #links = new Links()
  readonly #members = new Map<string, Member>()
  readonly #expectations = new Expectations()
  readonly #archives: ArchiveLinks
  readonly #writers: WriterMesh
  readonly #readers: ReaderSpokes

  constructor(random: Random, limits: TopologyLimits) {
    this.limits = limits
    this.#archives = new ArchiveLinks(random, this.#links)
    this.#writers = new WriterMesh(limits, random, this.#links)
    this.#readers = new ReaderSpokes(limits, random, this.#links)
  }

  get size(): number {
    return this.#members.size
  }

  has(id: string): boolean {
    return this.#members.has(id)
  }

  join(id: string, role: Role, options: JoinOptions = {}): TopologyChange {
    if (this.#members.has(id)) throw new RangeError(`${id} is in this topology already`)
    const member = createMember(id, role)
    this.#members.set(id, member)
    this.#enter(member, options.mostLinks ?? this.limits.linksPerArchive)

    const waiters = this.#expectations.arrived(id)
    if (role !== 'archive') this.#restore(member, options.standing ?? [])
    for (const waiter of waiters) this.#restoreLink(waiter, member)
    for (const one of [...waiters, member]) if (one.expected.size === 0) this.#place(one)
    return this.#links.takeChange()
  }

  isWaiting(id: string): boolean {
    return (this.#members.get(id)?.expected.size ?? 0) > 0
  }

  settle(id: string): TopologyChange {
    const member = this.#members.get(id)
    if (member !== undefined && member.expected.size > 0) {
      this.#expectations.giveUp(member)
      this.#place(member)
    }
    return this.#links.takeChange()
  }

  leave(id: string): TopologyChange {
    const member = this.#members.get(id)
    if (member === undefined) return { added: [], removed: [] }
    this.#members.delete(id)
    this.#expectations.giveUp(member)
    this.#archives.leave(member)
    if (member.role === 'writer') {
      this.#writers.leave(member)
      this.#readers.leaveWriter(member)
    }
    if (member.role === 'reader') this.#readers.leaveReader(member)
    return this.#links.takeChange()
  }

  linksOf(id: string): readonly Pair[] {
    const member = this.#members.get(id)
    if (member === undefined) return []
    return [...member.archive, ...member.mesh, ...member.spoke].map((other) => pairOf(id, other.id))
  }

  #enter(member: Member, mostLinksOfArchive: number): void {
    if (member.role === 'archive') {
      this.#archives.joinArchive(member, mostLinksOfArchive)
      return
    }
    this.#archives.join(member)
    if (member.role === 'reader') return
    this.#writers.enter(member)
    this.#readers.enterWriter(member)
  }

  #restore(member: Member, standing: readonly string[]): void {
    const { mostLinks, readersPerWriter } = this.limits
    const absent = standing.filter((id) => !this.#members.has(id))
    this.#expectations.expect(
      member,
      absent.slice(0, mostLinks + readersPerWriter + mostArchivesAwaited),
    )
    for (const id of standing) {
      const other = this.#members.get(id)
      if (other !== undefined && other !== member) this.#restoreLink(member, other)
    }
  }

  /** Links to archives are there already: they are given to everybody on entering. */
  #restoreLink(a: Member, b: Member): void {
    if (a.role === 'writer' && b.role === 'writer') this.#writers.restore(a, b)
    if (a.role === 'writer' && b.role === 'reader') this.#readers.restore(a, b)
    if (a.role === 'reader' && b.role === 'writer') this.#readers.restore(b, a)
  }

  #place(member: Member): void {
    if (member.role === 'writer') {
      this.#writers.place(member)
      this.#readers.placeWriter(member)
    }
    if (member.role === 'reader') this.#readers.placeReader(member)
  }
}

/** Collections have one archive or two. What more a peer claims could not be kept for it anyway. */
const mostArchivesAwaited = 4
