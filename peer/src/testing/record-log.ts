import { SimulationError } from './errors.js'
import type { Disk } from './simulated-disk.js'
import { fingerprint } from './trace.js'

/**
 * Records in a file, one after the other, each whole or not there: what a database's transactions
 * look like from outside. `append` commits a record, `sync` makes all that was committed before it
 * durable. After a crash `open` gives the longest run of undamaged records from the start, which
 * holds everything that was synced.
 *
 * On disk: length and FNV-1a of the bytes, four bytes each, little-endian; then the bytes.
 */
export class RecordLog {
  /** What `open` found, oldest first. */
  readonly records: readonly Uint8Array[]
  readonly #disk: Disk
  readonly #name: string

  private constructor(disk: Disk, name: string, records: readonly Uint8Array[]) {
    this.#disk = disk
    this.#name = name
    this.records = records
  }

  /** Reads the log, or starts one. What follows a damaged record is cut off. */
  static async open(disk: Disk, name: string): Promise<RecordLog> {
    const bytes = await readOrEmpty(disk, name)
    const { records, end } = parse(bytes)
    if (end < bytes.byteLength) await disk.truncate(name, end)
    return new RecordLog(disk, name, records)
  }

  /** Commits a record. Records keep the order of the calls. */
  append(record: Uint8Array): Promise<void> {
    const framed = new Uint8Array(headerBytes + record.byteLength)
    const header = new DataView(framed.buffer)
    header.setUint32(0, record.byteLength, true)
    header.setUint32(4, checksum(record), true)
    framed.set(record, headerBytes)
    return this.#disk.append(this.#name, framed)
  }

  /** Resolves when all that was appended before this call is durable. */
  sync(): Promise<void> {
    return this.#disk.fsync(this.#name)
  }
}

const headerBytes = 8

function parse(bytes: Uint8Array): { records: Uint8Array[]; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: Uint8Array[] = []
  let at = 0
  while (at + headerBytes <= bytes.byteLength) {
    const end = at + headerBytes + view.getUint32(at, true)
    if (end > bytes.byteLength) break
    const record = bytes.slice(at + headerBytes, end)
    if (checksum(record) !== view.getUint32(at + 4, true)) break
    records.push(record)
    at = end
  }
  return { records, end: at }
}

function checksum(bytes: Uint8Array): number {
  return Number.parseInt(fingerprint(bytes), 16)
}

async function readOrEmpty(disk: Disk, name: string): Promise<Uint8Array> {
  try {
    return await disk.read(name)
  } catch (error) {
    if (!(error instanceof SimulationError) || error.code !== 'no-such-file') throw error
    // An empty log is a log: it can be synced.
    await disk.write(name, 0, new Uint8Array(0))
    return new Uint8Array(0)
  }
}
