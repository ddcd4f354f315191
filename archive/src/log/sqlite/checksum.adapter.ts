import { crc32 } from 'node:zlib'

/**
 * Guards a row against letters that flip on disk (or rows that change places): CRC-32 over the
 * bytes, started from a mix of the numbers that belong to them. It detects damage, not malice:
 * whoever can write the file can write the checksum, too.
 */
export function checksumOf(bytes: Uint8Array, ...numbers: readonly number[]): number {
  return crcOf(bytes, mixed(numbers))
}

/** The checksum of an entry's row, without the cost of a list: every append and read takes it. */
export function entryChecksum(
  bytes: Uint8Array,
  seq: number,
  document: number,
  kind: number,
  producer: number,
  n: number,
): number {
  let mix = start
  mix = mixIn(mix, seq)
  mix = mixIn(mix, document)
  mix = mixIn(mix, kind)
  mix = mixIn(mix, producer)
  mix = mixIn(mix, n)
  return crcOf(bytes, mix >>> 0)
}

/**
 * Of no bytes it is the start; what zlib says then depends on where in memory they are not. Where a
 * flipped letter has made a number or nothing of a blob, it is no checksum that was ever stored.
 */
function crcOf(bytes: unknown, start: number): number {
  if (!(bytes instanceof Uint8Array)) return -1
  return bytes.length === 0 ? start : crc32(bytes, start)
}

function mixed(numbers: readonly number[]): number {
  let mix = start
  for (const number of numbers) mix = mixIn(mix, number)
  return mix >>> 0
}

/** FNV-1a's offset and prime: the order of the numbers counts, and each bit reaches others. */
const start = 0x811c9dc5
const prime = 0x01000193

/** Mixes in a whole number below 2^53, both of its halves. */
function mixIn(mix: number, number: number): number {
  const low = Math.imul(mix ^ (number >>> 0), prime)
  return Math.imul(rotated(low) ^ (number / 2 ** 32), prime)
}

function rotated(mix: number): number {
  return (mix << 13) | (mix >>> 19)
}
