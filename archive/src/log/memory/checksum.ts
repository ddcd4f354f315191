/** What is kept beside bytes on the disk, to tell whether they are still what was written. */
export interface Checked {
  readonly bytes: Uint8Array
  readonly checksum: number
}

export function isIntact({ bytes, checksum }: Checked): boolean {
  return checksumOf(bytes) === checksum
}

/** Fowler, Noll and Vo's 32-bit hash: tells that a letter has flipped, and proves nothing more. */
export function checksumOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
