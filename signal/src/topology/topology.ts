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
 */
import type { Random } from '@holdfast/peer/ports'
import { ArchiveLinks } from './archive-links.js'
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
}

export interface Topology {
  /** How many members there are. */
  readonly size: number
  readonly limits: TopologyLimits
  has(id: string): boolean
  /** Takes a new member in. Throws when the id is there already: leave first. */
  join(id: string, role: Role, options?: JoinOptions): TopologyChange
  /** Lets a member go; `removed` starts with its own links. Changes nothing for an unknown id. */
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
    switch (role) {
      case 'archive':
        this.#archives.joinArchive(member, options.mostLinks ?? this.limits.linksPerArchive)
        break
      case 'writer':
        this.#archives.join(member)
        this.#writers.join(member)
        this.#readers.joinWriter(member)
        break
      case 'reader':
        this.#archives.join(member)
        this.#readers.joinReader(member)
        break
    }
    return this.#links.takeChange()
  }

  leave(id: string): TopologyChange {
    const member = this.#members.get(id)
    if (member === undefined) return { added: [], removed: [] }
    this.#members.delete(id)
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
}
