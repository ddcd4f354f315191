/** CRC-32 (the one of zip and gzip) of bytes: against letters that flip, not against malice. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  let at = 0
  // Four bytes a turn: an image of 10 MB is looked at at each opening.
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^= entry(bytes, at) | (entry(bytes, at + 1) << 8) | (entry(bytes, at + 2) << 16)
    crc ^= entry(bytes, at + 3) << 24
    crc =
      entry(tables, 768 + (crc & 255)) ^
      entry(tables, 512 + ((crc >>> 8) & 255)) ^
      entry(tables, 256 + ((crc >>> 16) & 255)) ^
      entry(tables, crc >>> 24)
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ entry(tables, (crc ^ entry(bytes, at)) & 255)
  }
  return ~crc >>> 0
}

function entry(list: Uint8Array | Uint32Array, at: number): number {
  return list[at] as number
}

/** Four tables of 256: what a byte does when it is the last of a turn, the last but one, and so on. */
const tables = makeTables()

function makeTables(): Uint32Array {
  const made = new Uint32Array(1_024)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb8_8320)
    made[byte] = crc
  }
  for (let at = 256; at < 1_024; at++) {
    const before = entry(made, at - 256)
    made[at] = (before >>> 8) ^ entry(made, before & 255)
  }
  return made
}
