import { createHash } from 'node:crypto'

/** The first 64 bits of SHA-256, as 16 hex digits: binds an op id to its bytes. */
export function opHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}
