import type { Durability } from '../../driver.js'

/**
 * Where a redo log lies: an image of the database up to some record, and the records after it, one a
 * transaction. IndexedDB in browsers, files of a simulated disk in tests.
 *
 *   image through 41 │ 42 │ 43 │ 44        checkpoint(image, 44) ──►  image through 44 │
 *
 * Guarantees:
 * - One owner: `open` makes the caller the owner, in the store itself. From the moment it resolves,
 *   every call of whoever was owner before rejects as `store-taken` and changes nothing.
 * - Each call is all or nothing, and durable when it resolves. What rejects as `storage-full` or
 *   `storage-failed` has changed nothing that a later call or opening sees. (Not after a power cut in
 *   the middle of failing writes: that is SQLite's own promise, too.)
 * - It keeps bytes and knows nothing of what is in them.
 */
export interface RecordStore {
  /** Takes the ownership, then reads. Once. */
  open(): Promise<Stored>
  /** What is really stored, for an owner that no longer trusts its memory. */
  read(): Promise<Stored>
  /** Rejects as `store-damaged`, and changes nothing, where it does not follow the last record. */
  append(n: number, bytes: Uint8Array, durability: Durability): Promise<void>
  /** The image takes the place of the one before and of all records up to `through`. */
  checkpoint(image: StoredImage): Promise<void>
  /**
   * Everything that is stored goes aside under a name, which is the answer, and this image in its place;
   * without one, nothing.
   */
  setAside(image: StoredImage | undefined): Promise<string>
  /** Rejects as `store-taken` where somebody else is the owner by now. */
  checkOwner(): Promise<void>
  /** What the platform allows in all, where it says so. */
  quotaBytes(): Promise<number | undefined>
  close(): Promise<void>
}

export interface StoredImage {
  readonly bytes: Uint8Array
  /** The last record that is in it; 0: none. */
  readonly through: number
  readonly checksum: number
}

export interface StoredRecord {
  readonly n: number
  readonly bytes: Uint8Array
}

export interface Stored {
  readonly image: StoredImage | undefined
  /** By number. Whoever reads checks that none is missing. */
  readonly records: readonly StoredRecord[]
}
