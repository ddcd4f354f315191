/**
 * A blob as it comes from the database; no bytes where damage has made something else of it, so that
 * its checksum does not match and it is dealt with like any other damage.
 */
export function blobOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}
