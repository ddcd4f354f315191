/**
 * The links to archives. An archive is offered to everybody, and before any other neighbour: it
 * answers from a log, at once, where peers first have to find each other. Those links are beside
 * the caps of writers and readers and end at the archive's own; whoever comes after that waits for
 * a place. Archives of one collection are linked with each other like anybody else.
 */
import type { Random } from '@holdfast/peer/ports'
import type { Links, Member } from './links.js'
import { PickSet } from './pick-set.js'

export class ArchiveLinks {
  readonly #random: Random
  readonly #links: Links
  readonly #members = new PickSet<Member>()
  /** Each archive's own cap. */
  readonly #mostByArchive = new Map<Member, number>()
  /** Those that an archive has no place for. */
  readonly #waitingByArchive = new Map<Member, PickSet<Member>>()

  constructor(random: Random, links: Links) {
    this.#random = random
    this.#links = links
  }

  joinArchive(archive: Member, most: number): void {
    this.#mostByArchive.set(archive, most)
    this.#waitingByArchive.set(archive, new PickSet())
    for (const member of this.#members) this.#offer(archive, member)
    this.#members.add(archive)
  }

  /** A writer or a reader is there. */
  join(member: Member): void {
    for (const archive of this.#mostByArchive.keys()) this.#offer(archive, member)
    this.#members.add(member)
  }

  /** A member of any role has gone. */
  leave(member: Member): void {
    this.#members.delete(member)
    this.#mostByArchive.delete(member)
    this.#waitingByArchive.delete(member)
    for (const waiting of this.#waitingByArchive.values()) waiting.delete(member)
    const others = [...member.archive]
    for (const other of others) this.#links.disconnect('archive', member, other)
    for (const other of others) this.#admitNext(other)
  }

  #offer(archive: Member, member: Member): void {
    if (this.#hasRoom(archive) && this.#hasRoom(member)) {
      this.#links.connect('archive', archive, member)
      return
    }
    this.#waitingByArchive.get(archive)?.add(member)
    this.#waitingByArchive.get(member)?.add(archive)
  }

  #admitNext(archive: Member): void {
    if (!this.#hasRoom(archive)) return
    const waiting = this.#waitingByArchive.get(archive)
    // Only another archive can be full itself, so this passes over fewer than there are archives.
    const member = waiting?.pick(this.#random, this.#mostByArchive.size, (candidate) =>
      this.#hasRoom(candidate),
    )
    if (member === undefined) return
    waiting?.delete(member)
    this.#waitingByArchive.get(member)?.delete(archive)
    this.#links.connect('archive', archive, member)
  }

  /** Writers and readers take every archive that has a place for them. */
  #hasRoom(member: Member): boolean {
    return member.archive.size < (this.#mostByArchive.get(member) ?? Number.POSITIVE_INFINITY)
  }
}
