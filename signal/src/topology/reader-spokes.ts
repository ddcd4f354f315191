/**
 * The links between readers and writers. A reader forwards nothing, so it must never stand between
 * two writers: it hangs off up to `linksPerReader` of them, and a writer carries up to
 * `readersPerWriter`. Where places are scarce nobody has two while another has none: a reader
 * without a link takes the place of one that has more than one. Those for whom no place is left
 * have no link and use the archive; they are the first to get a place that becomes free.
 */
import type { Random } from '@holdfast/peer/ports'
import type { TopologyLimits } from './limits.js'
import type { Links, Member } from './links.js'
import { PickSet } from './pick-set.js'

export class ReaderSpokes {
  readonly #limits: TopologyLimits
  readonly #random: Random
  readonly #links: Links
  /** Writers with a free place. */
  readonly #roomy = new PickSet<Member>()
  /** Placed readers by the number of links that they have, from 0 to `linksPerReader`. */
  readonly #readersByLinks: readonly PickSet<Member>[]

  constructor(limits: TopologyLimits, random: Random, links: Links) {
    this.#limits = limits
    this.#random = random
    this.#links = links
    this.#readersByLinks = Array.from({ length: limits.linksPerReader + 1 }, () => new PickSet())
  }

  enterWriter(writer: Member): void {
    this.#noteRoom(writer)
  }

  /** Links two that say they are linked already, if both have room. */
  restore(writer: Member, reader: Member): void {
    const readerHasRoom = reader.spoke.size < this.#limits.linksPerReader
    if (writer.spoke.has(reader) || !readerHasRoom || !this.#hasRoom(writer)) return
    this.#connect(writer, reader)
  }

  /** Gives `reader` the places that are free, or one that somebody else can spare. */
  placeReader(reader: Member): void {
    this.#readersByLinks[reader.spoke.size]?.add(reader)
    while (reader.spoke.size < this.#limits.linksPerReader) {
      // Only the writers that it has already can be passed over, so one more finds any other.
      const writer = this.#roomy.pick(
        this.#random,
        reader.spoke.size + 1,
        (candidate) => !reader.spoke.has(candidate),
      )
      if (writer === undefined) break
      this.#connect(writer, reader)
    }
    if (reader.spoke.size === 0) this.#takeOver(reader)
  }

  /** Gives the free places of `writer` to the readers that have the fewest links. */
  placeWriter(writer: Member): void {
    for (let links = 0; links < this.#limits.linksPerReader; links++) {
      while (this.#hasRoom(writer)) {
        const reader = this.#readersByLinks[links]?.pick(
          this.#random,
          writer.spoke.size + 1,
          (candidate) => !writer.spoke.has(candidate),
        )
        if (reader === undefined) break
        this.#connect(writer, reader)
      }
    }
  }

  leaveReader(reader: Member): void {
    const writers = [...reader.spoke]
    for (const writer of writers) this.#disconnect(writer, reader)
    this.#readersByLinks[0]?.delete(reader)
    for (const writer of writers) this.placeWriter(writer)
  }

  leaveWriter(writer: Member): void {
    const readers = [...writer.spoke]
    for (const reader of readers) this.#disconnect(writer, reader)
    this.#roomy.delete(writer)
    for (const reader of readers) this.placeReader(reader)
  }

  #takeOver(reader: Member): void {
    for (let links = this.#limits.linksPerReader; links > 1; links--) {
      const rich = this.#readersByLinks[links]?.pick(this.#random, 1, () => true)
      const [writer] = rich?.spoke ?? []
      if (rich === undefined || writer === undefined) continue
      this.#disconnect(writer, rich)
      this.#connect(writer, reader)
      return
    }
  }

  #connect(writer: Member, reader: Member): void {
    this.#readersByLinks[reader.spoke.size]?.delete(reader)
    this.#links.connect('spoke', writer, reader)
    this.#noteLinks(reader)
    this.#noteRoom(writer)
  }

  #disconnect(writer: Member, reader: Member): void {
    this.#readersByLinks[reader.spoke.size]?.delete(reader)
    this.#links.disconnect('spoke', writer, reader)
    this.#noteLinks(reader)
    this.#noteRoom(writer)
  }

  /** A reader that waits for its standing writers is offered no other, and gives none away. */
  #noteLinks(reader: Member): void {
    if (reader.expected.size === 0) this.#readersByLinks[reader.spoke.size]?.add(reader)
  }

  #noteRoom(writer: Member): void {
    if (this.#hasRoom(writer)) this.#roomy.add(writer)
    else this.#roomy.delete(writer)
  }

  #hasRoom(writer: Member): boolean {
    return writer.spoke.size < this.#limits.readersPerWriter
  }
}
