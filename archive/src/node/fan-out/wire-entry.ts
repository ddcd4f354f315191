import type { Entry as WireEntry } from '@holdfast/peer/protocol'
import { messageBounds } from '@holdfast/peer/protocol'
import type { Entry } from '../../log/port.js'

/** An entry of the log as a page carries it. */
export function wireEntry(entry: Entry): WireEntry {
  const { seq, document } = entry
  if (entry.kind === 'tombstone') return { kind: 'tombstone', seq, document }
  if (entry.kind === 'row') {
    const { bytes, id } = entry
    return id === undefined
      ? { kind: 'row', seq, document, bytes }
      : { kind: 'row', seq, document, op: id, bytes }
  }
  const { bytes, size, stateVector, parked } = entry
  // More beside it than a message takes: whoever asks for it gets it merged.
  return bytes === undefined || parked.length > messageBounds.maxParked
    ? { kind: 'large-snapshot', seq, document, sizeBytes: size, stateVector }
    : { kind: 'snapshot', seq, document, bytes, parked }
}

export function sizeOfWireEntry(entry: WireEntry): number {
  if (entry.kind === 'row') return sizeOfRow(entry.bytes.length)
  if (entry.kind !== 'snapshot') return entryOverheadBytes
  return entry.parked.reduce((sum, { length }) => sum + length, entry.bytes.length)
}

export function sizeOfRow(bytes: number): number {
  return bytes + entryOverheadBytes
}

/** Names, numbers and an op's instance, about. */
const entryOverheadBytes = 64
