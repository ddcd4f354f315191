/**
 * The links among the writers of one room.
 *
 *   up to fullMeshUpTo (8)      above
 *
 *        a---b                  the ring   ... p --- u --- s ...   every writer, by id
 *        |\ /|                  chords         \____/ \____/       random further links
 *        | X |
 *        |/ \|                  each writer has leastLinks (6) to mostLinks (8) links, two on the
 *        c---d                  ring: the graph is connected because the ring is part of it.
 *
 * - Join: the newcomer goes between two ring neighbours and takes chords up to 7: first to writers
 *   with room; where there are none, it goes in the middle of random chords (x-y becomes x-u-y,
 *   which leaves x and y with as many links as before).
 * - Leave: the two ring neighbours are linked. Those left with fewer than 6 are linked with one
 *   another, and else like newcomers. Who still has 6 is left alone, so that the next newcomer (a
 *   page that was reloaded, most of the time) finds room and no standing link is cut for it.
 * - After a restart: see `topology.ts`. A writer that still waits for standing neighbours is in
 *   the ring's order and has only the links that stood; the rest follows when it is placed.
 *
 * **A place always exists.** Let u have k < leastLinks links, and let nobody outside its
 * neighbours have room. Take any writer x that is not a neighbour: it has mostLinks links, at most
 * k of them to neighbours of u and two on the ring. mostLinks - k - 2 >= 1 remain, so x has a
 * chord to a y that is no neighbour of u either, and u fits in its middle. Hence the degrees are
 * exact bounds and not hopes, and finding a place looks at O(degree) writers.
 */
import { below, type Random } from '@holdfast/peer/ports'
import type { TopologyLimits } from './limits.js'
import type { Links, Member } from './links.js'
import { pickFrom, PickSet } from './pick-set.js'
import { Ring } from './ring.js'

export class WriterMesh {
  readonly #limits: TopologyLimits
  readonly #aim: number
  readonly #random: Random
  readonly #links: Links
  readonly #ring = new Ring()
  /** Writers with fewer than `mostLinks` links. */
  readonly #roomy = new PickSet<Member>()
  /** Those of them whose room is not kept for a neighbour that is expected back. */
  readonly #open = new PickSet<Member>()

  constructor(limits: TopologyLimits, random: Random, links: Links) {
    this.#limits = limits
    // The middle of the range: one link may come or go on either side before anything must change.
    this.#aim = Math.floor((limits.leastLinks + limits.mostLinks) / 2)
    this.#random = random
    this.#links = links
  }

  /** A writer is there. It has no links yet: `restore` gives those that stood, `place` the rest. */
  enter(writer: Member): void {
    this.#ring.add(writer)
    this.#noteRoom(writer)
  }

  /** Links two that say they are linked already, if both have room. */
  restore(a: Member, b: Member): void {
    if (this.#hasRoom(a) && this.#hasRoom(b)) this.#connect(a, b)
    this.#noteRoom(a)
    this.#noteRoom(b)
  }

  /** Gives a writer that waits for nobody (any more) all the links that it should have. */
  place(writer: Member): void {
    this.#noteRoom(writer)
    if (this.#ring.size <= this.#limits.fullMeshUpTo) {
      for (const other of this.#ring.writers) this.#connect(writer, other)
      return
    }
    const [before, after] = this.#ring.neighboursOf(writer)
    const needsRoom = [before, after].some((side) => !side.mesh.has(writer) && !this.#hasRoom(side))
    if (needsRoom && before.mesh.has(after)) this.#disconnect(before, after)
    const touched = [...this.#closeRing(before, writer), ...this.#closeRing(writer, after)]
    for (const one of [writer, before, after, ...touched]) if (this.#isShort(one)) this.#fill(one)
  }

  leave(writer: Member): void {
    const [before, after] = this.#ring.neighboursOf(writer)
    const orphans = [...writer.mesh]
    for (const orphan of orphans) this.#disconnect(writer, orphan)
    this.#ring.delete(writer)
    this.#roomy.delete(writer)
    this.#open.delete(writer)
    if (this.#ring.size === 0) return
    const touched = this.#closeRing(before, after)

    if (this.#ring.size < this.#limits.fullMeshUpTo) return
    if (this.#ring.size === this.#limits.fullMeshUpTo) this.#complete()
    else this.#mend([...orphans, ...touched])
  }

  /**
   * Links two neighbours on the ring. Almost always there is room: they have just lost a link. An
   * end that has none gives up a chord; the writers that this cost a link are returned.
   */
  #closeRing(a: Member, b: Member): readonly Member[] {
    if (a === b || a.mesh.has(b)) return []
    const touched = [...this.#makeRoom(a), ...this.#makeRoom(b)]
    this.#connect(a, b)
    return touched
  }

  #makeRoom(writer: Member): readonly Member[] {
    if (this.#hasRoom(writer)) return []
    const ends = this.#chordsOf(writer)
    const most = Math.max(...ends.map((end) => end.mesh.size))
    const end = this.#anyOf(ends.filter((candidate) => candidate.mesh.size === most))
    this.#disconnect(writer, end)
    return [end]
  }

  /** The full mesh again. The few links that it takes are those that a sparser mesh had spared. */
  #complete(): void {
    for (const a of this.#ring.writers) for (const b of this.#ring.writers) this.#connect(a, b)
  }

  #mend(orphans: readonly Member[]): void {
    const short = orphans.filter((orphan) => this.#isShort(orphan))
    for (const [at, a] of short.entries()) {
      for (const b of short.slice(at + 1)) {
        if (this.#isShort(a) && this.#isShort(b)) this.#connect(a, b)
      }
    }
    for (const orphan of short) if (this.#isShort(orphan)) this.#fill(orphan)
  }

  /** Gives `writer` links until it has what it aims at, or, where all others are full, the least. */
  #fill(writer: Member): void {
    while (writer.mesh.size < this.#aim) {
      const partner =
        this.#pickStranger(this.#open, writer) ??
        (this.#isShort(writer) ? this.#pickStranger(this.#roomy, writer) : undefined)
      if (partner !== undefined) this.#connect(writer, partner)
      else if (!this.#isShort(writer) || !this.#enterChord(writer)) return
    }
  }

  #enterChord(writer: Member): boolean {
    const x = pickFrom(this.#ring.writers, this.#random, ...strangersTo(writer))
    if (x === undefined) return false
    const ends = this.#chordsOf(x).filter((end) => !writer.mesh.has(end))
    if (ends.length === 0) return false
    const y = this.#anyOf(ends)
    this.#disconnect(x, y)
    this.#connect(x, writer)
    this.#connect(writer, y)
    return true
  }

  #pickStranger(from: PickSet<Member>, writer: Member): Member | undefined {
    return from.pick(this.#random, ...strangersTo(writer))
  }

  /** The neighbours of a writer that are not beside it on the ring. */
  #chordsOf(writer: Member): readonly Member[] {
    const beside = this.#ring.neighboursOf(writer)
    return [...writer.mesh].filter((end) => !beside.includes(end))
  }

  #anyOf(members: readonly Member[]): Member {
    return members[below(this.#random, members.length)] as Member
  }

  /** Too few links, and nobody is expected who would bring them. */
  #isShort(writer: Member): boolean {
    return writer.mesh.size < this.#limits.leastLinks && writer.expected.size === 0
  }

  #connect(a: Member, b: Member): void {
    if (a === b || a.mesh.has(b)) return
    this.#links.connect('mesh', a, b)
    this.#noteRoom(a)
    this.#noteRoom(b)
  }

  #disconnect(a: Member, b: Member): void {
    this.#links.disconnect('mesh', a, b)
    this.#noteRoom(a)
    this.#noteRoom(b)
  }

  #hasRoom(writer: Member): boolean {
    return writer.mesh.size < this.#limits.mostLinks
  }

  #noteRoom(writer: Member): void {
    if (this.#hasRoom(writer)) this.#roomy.add(writer)
    else this.#roomy.delete(writer)
    if (writer.mesh.size + writer.expected.size < this.#limits.mostLinks) this.#open.add(writer)
    else this.#open.delete(writer)
  }
}

/** Certain to find one where there is one: only the writer itself and its neighbours do not fit. */
function strangersTo(writer: Member): [within: number, fits: (other: Member) => boolean] {
  return [writer.mesh.size + 2, (other) => other !== writer && !writer.mesh.has(other)]
}
