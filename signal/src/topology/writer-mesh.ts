/**
 * The links among the writers of one room.
 *
 *   up to fullMeshUpTo (8)      above
 *
 *        a---b                  the ring   ... p --- u --- s ...   every writer, in random order
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
import { PickSet } from './pick-set.js'

export class WriterMesh {
  readonly #limits: TopologyLimits
  readonly #aim: number
  readonly #random: Random
  readonly #links: Links
  readonly #writers = new PickSet<Member>()
  /** Writers with fewer than `mostLinks` links. */
  readonly #roomy = new PickSet<Member>()
  readonly #next = new Map<Member, Member>()
  readonly #previous = new Map<Member, Member>()

  constructor(limits: TopologyLimits, random: Random, links: Links) {
    this.#limits = limits
    // The middle of the range: one link may come or go on either side before anything must change.
    this.#aim = Math.floor((limits.leastLinks + limits.mostLinks) / 2)
    this.#random = random
    this.#links = links
  }

  get size(): number {
    return this.#writers.size
  }

  join(newcomer: Member): void {
    const before = this.#writers.pick(this.#random, 1, () => true) ?? newcomer
    const after = this.#next.get(before) ?? newcomer
    this.#writers.add(newcomer)
    this.#roomy.add(newcomer)
    this.#joinRing(before, newcomer)
    this.#joinRing(newcomer, after)

    if (this.size <= this.#limits.fullMeshUpTo) {
      for (const writer of this.#writers) this.#connect(newcomer, writer)
      return
    }
    const bothHaveRoom = this.#roomy.has(before) && this.#roomy.has(after)
    if (!bothHaveRoom) this.#disconnect(before, after)
    this.#connect(before, newcomer)
    this.#connect(newcomer, after)
    this.#fill(newcomer)
  }

  leave(writer: Member): void {
    const before = this.#previous.get(writer) ?? writer
    const after = this.#next.get(writer) ?? writer
    const orphans = [...writer.mesh]
    for (const orphan of orphans) this.#disconnect(writer, orphan)
    this.#writers.delete(writer)
    this.#roomy.delete(writer)
    this.#next.delete(writer)
    this.#previous.delete(writer)
    if (before === writer) return
    this.#joinRing(before, after)
    // Both have just lost a link, so both have room for this one.
    this.#connect(before, after)

    if (this.size < this.#limits.fullMeshUpTo) return
    if (this.size === this.#limits.fullMeshUpTo) this.#complete()
    else this.#mend(orphans)
  }

  #joinRing(left: Member, right: Member): void {
    this.#next.set(left, right)
    this.#previous.set(right, left)
  }

  /** The full mesh again. The few links that it takes are those that a sparser mesh had spared. */
  #complete(): void {
    for (const a of this.#writers) for (const b of this.#writers) this.#connect(a, b)
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
      const partner = this.#pickStranger(this.#roomy, writer)
      if (partner !== undefined) this.#connect(writer, partner)
      else if (!this.#isShort(writer) || !this.#enterChord(writer)) return
    }
  }

  #enterChord(writer: Member): boolean {
    const x = this.#pickStranger(this.#writers, writer)
    if (x === undefined) return false
    const ends = [...x.mesh].filter(
      (end) => !writer.mesh.has(end) && !this.#areRingNeighbours(x, end),
    )
    if (ends.length === 0) return false
    const y = ends[below(this.#random, ends.length)] as Member
    this.#disconnect(x, y)
    this.#connect(x, writer)
    this.#connect(writer, y)
    return true
  }

  /** Certain to find one where there is one: at most the writer and its neighbours do not fit. */
  #pickStranger(from: PickSet<Member>, writer: Member): Member | undefined {
    return from.pick(
      this.#random,
      writer.mesh.size + 2,
      (other) => other !== writer && !writer.mesh.has(other),
    )
  }

  #isShort(writer: Member): boolean {
    return writer.mesh.size < this.#limits.leastLinks
  }

  #areRingNeighbours(a: Member, b: Member): boolean {
    return this.#next.get(a) === b || this.#next.get(b) === a
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

  #noteRoom(writer: Member): void {
    if (writer.mesh.size < this.#limits.mostLinks) this.#roomy.add(writer)
    else this.#roomy.delete(writer)
  }
}
