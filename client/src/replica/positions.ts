import { Listeners } from '@holdfast/peer'
import type { ArchiveId, DocumentId } from '@holdfast/peer/protocol'
import type { CursorRow } from '../store/kept-rows.js'
import type { ArchivePosition } from './port.js'

/** Where this replica stands in the logs of the archives that it has met. */
export class Positions {
  /** `isCompared` is another. */
  readonly onCompared = new Listeners<[]>()
  /** The log of this archive has to be taken in from its start again. */
  readonly onRestarted = new Listeners<[ArchiveId]>()
  readonly #positionByArchive = new Map<ArchiveId, ArchivePosition>()
  /** The last seq at which each document is known to stand in a log. */
  readonly #lastSeqs = new Map<ArchiveId, Map<DocumentId, number>>()
  #isCompared = false
  /** Whose cursor moved last: the one that the mesh compares by. */
  #latest: ArchiveId | undefined

  constructor(cursors: readonly CursorRow[]) {
    for (const cursor of cursors) this.set(cursor)
  }

  get archives(): readonly ArchiveId[] {
    return [...this.#positionByArchive.keys()]
  }

  get(archive: ArchiveId): ArchivePosition | undefined {
    return this.#positionByArchive.get(archive)
  }

  set({ archive, term, seq, isWhole, isCompared }: CursorRow): void {
    this.#positionByArchive.set(archive, { cursor: { archive, term, seq }, isWhole, isCompared })
    this.#latest = archive
    this.#noteCompared()
  }

  /**
   * Some archive was met, and has what was held before that: what no op is owed for is archived. Until
   * then, and while each of them is in doubt, only of what is pushed and answered this is known.
   */
  get isCompared(): boolean {
    return this.#isCompared
  }

  forget(archive: ArchiveId): void {
    this.#positionByArchive.delete(archive)
    this.#lastSeqs.delete(archive)
    if (this.#latest === archive) this.#latest = this.archives.at(-1)
    this.#noteCompared()
  }

  /** The position that two replicas compare themselves by: whole, or none. */
  get comparable(): ArchivePosition | undefined {
    const latest = this.#latest === undefined ? undefined : this.get(this.#latest)
    if (latest?.isWhole === true) return latest
    return [...this.#positionByArchive.values()].find(({ isWhole }) => isWhole)
  }

  lastSeq(archive: ArchiveId, id: DocumentId): number {
    return this.#lastSeqs.get(archive)?.get(id) ?? 0
  }

  setLastSeq(archive: ArchiveId, id: DocumentId, seq: number): void {
    let seqs = this.#lastSeqs.get(archive)
    if (seqs === undefined) this.#lastSeqs.set(archive, (seqs = new Map<DocumentId, number>()))
    seqs.set(id, seq)
  }

  /** Documents whose last entry lies beyond seq. */
  *beyond(archive: ArchiveId, seq: number): Iterable<DocumentId> {
    for (const [id, last] of this.#lastSeqs.get(archive) ?? []) if (last > seq) yield id
  }

  #noteCompared(): void {
    const isCompared = [...this.#positionByArchive.values()].some((one) => one.isCompared)
    if (isCompared === this.#isCompared) return
    this.#isCompared = isCompared
    this.onCompared.tell()
  }
}
