import {
  hexOf,
  type ArchiveId,
  type CollectionName,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import type { Random } from '@holdfast/peer/ports'
import { LogError } from '../errors.js'
import { emptyTables, findDocument, type Tables } from './tables.js'

/**
 * What a `MemoryLog` leaves behind: everything that was durable, and nothing else. A new log opened
 * on it is a restart; one opened on a copy is a restored backup, or a fork.
 */
export class MemoryDisk {
  readonly #tables: Tables
  #holder: symbol | undefined

  constructor(random: Random)
  constructor(tables: Tables)
  constructor(from: Random | Tables) {
    this.#tables = 'collections' in from ? from : emptyTables(hexOf(from.bytes(16)) as ArchiveId)
  }

  get tables(): Tables {
    return this.#tables
  }

  /** A disk with the same contents, whether this one is in use or not. */
  copy(): MemoryDisk {
    return new MemoryDisk(structuredClone(this.#tables))
  }

  /** Whoever uses it now is dead: what it has not made durable never will be. */
  crash(): void {
    this.#holder = undefined
  }

  /** Takes the disk for one log at a time; the key is needed for everything else. */
  acquire(): symbol {
    if (this.#holder !== undefined) throw new LogError('in-use', 'another log has this disk open')
    this.#holder = Symbol('holder')
    return this.#holder
  }

  isHeldBy(key: symbol): boolean {
    return this.#holder === key
  }

  release(key: symbol): void {
    if (this.isHeldBy(key)) this.#holder = undefined
  }

  /** Flips a letter of a row, as disks do. False if there is no such row. */
  damageRow(collection: CollectionName, document: DocumentRef, seq: number): boolean {
    const row = findDocument(this.#tables, collection, document)?.rows.find(
      (row) => row.seq === seq,
    )
    if (row !== undefined) flip(row.bytes)
    return row !== undefined
  }

  /** Flips a letter of a document's newest snapshot. False if it has none. */
  damageSnapshot(collection: CollectionName, document: DocumentRef): boolean {
    const snapshot = findDocument(this.#tables, collection, document)?.snapshots[0]
    if (snapshot !== undefined) flip(snapshot.bytes)
    return snapshot !== undefined
  }
}

function flip(bytes: Uint8Array): void {
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 0x04
}
