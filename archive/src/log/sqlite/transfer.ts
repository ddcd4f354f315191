/** Smaller ones are copied as fast as they are handed over. */
const worthTransferring = 64 * 1024

/**
 * The buffers of what is sent to another thread that may change hands instead of being copied: large,
 * and used whole by one array. Whoever sends must not use them afterwards.
 */
export function largeBuffersIn(value: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>()
  collect(value, buffers)
  return [...buffers]
}

function collect(value: unknown, into: Set<ArrayBuffer>): void {
  if (typeof value !== 'object' || value === null) return
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteLength } = value
    const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    if (isWhole && byteLength >= worthTransferring) into.add(buffer)
    return
  }
  for (const part of Array.isArray(value) ? value : Object.values(value)) collect(part, into)
}
