/*
 * The redo log's records on a simulated disk: what IndexedDB does in a transaction, done with files.
 *
 *   head.<owner>             names a generation. Owners are <epoch>.<id>: the highest one has the store.
 *   image.<owner>.<count>    a generation's image, with its checksum
 *   log.<owner>.<count>      frames, each synced before the next is written
 *
 * Whoever opens makes a head of its own, which is durable before it reads, and copies what it reads into
 * a generation of its own: what the owner before it still writes goes into files that nobody looks at,
 * and after each write that owner looks for its head before it answers. A generation without a durable
 * head was never there. What a lower owner had is removed once a higher one has its own.
 */
import { ClientError, crc32, type RecordStore } from '@holdfast/client/testing'
import type { Stored, StoredImage, StoredRecord } from '@holdfast/client/testing'
import type { Random } from '@holdfast/peer/ports'
import { SimulationError, type Disk } from '@holdfast/peer/testing'

export class DiskRecords implements RecordStore {
  readonly #disk: Disk
  readonly #id: string
  #owner = ''
  #generation = ''
  #count = 0
  #last = 0
  /** Where the log's good frames end. */
  #logEnd = 0
  /** A write has failed: what stands behind the good frames is cut off first. */
  #isFrayed = false
  /** The head's last renaming is not known to be durable. */
  #isNameLoose = false

  constructor(disk: Disk, random: Random) {
    this.#disk = disk
    this.#id = random.uint32().toString(16).padStart(8, '0')
  }

  async open(): Promise<Stored> {
    const before = (await this.#heads()).at(-1)
    this.#owner = `${pad(epochOf(before) + 1)}.${this.#id}`
    return this.#owned(async () => {
      const stored = await this.#readNewest()
      await this.#begin(stored)
      await this.checkOwner()
      await this.#sweep()
      return stored
    }, this.#claim())
  }

  read(): Promise<Stored> {
    return this.#owned(() => this.#readNewest())
  }

  append(n: number, bytes: Uint8Array): Promise<void> {
    return this.#owned(() => this.#append(n, bytes))
  }

  checkpoint(image: StoredImage): Promise<void> {
    return this.#owned(async () => {
      await this.#begin({ image, records: [] })
      await this.checkOwner()
      await this.#sweep()
    })
  }

  setAside(image: StoredImage | undefined): Promise<string> {
    return this.#owned(async () => {
      const name = `aside.${this.#generation}`
      for (const part of ['image', 'log']) {
        const bytes = await this.#readOrNothing(`${part}.${this.#generation}`)
        if (bytes !== undefined) await this.#write(`${name}.${part}`, bytes)
      }
      await this.#begin({ image, records: [] })
      await this.checkOwner()
      await this.#sweep()
      return name
    })
  }

  async checkOwner(): Promise<void> {
    if ((await this.#heads()).at(-1) === `head.${this.#owner}`) return
    throw new ClientError('store-taken', 'another owner has the store')
  }

  async quotaBytes(): Promise<undefined> {}

  async close(): Promise<void> {}

  /** An empty head names no generation; but it is the highest, and durable. */
  async #claim(): Promise<void> {
    await this.#disk.write(`head.${this.#owner}`, 0, new Uint8Array(0))
    await this.#disk.fsync(`head.${this.#owner}`)
  }

  /** Work of the owner. What fails because a higher one has removed our files says so. */
  async #owned<Result>(work: () => Promise<Result>, first?: Promise<void>): Promise<Result> {
    await (first ?? this.checkOwner())
    try {
      return await work()
    } catch (error) {
      if (isMissing(error)) await this.checkOwner()
      throw error
    }
  }

  async #append(n: number, bytes: Uint8Array): Promise<void> {
    if (n !== this.#last + 1) {
      throw new ClientError('store-damaged', `record ${n} does not follow ${this.#last}`)
    }
    await this.#fixName()
    const frame = frameOf({ n, bytes })
    const log = `log.${this.#generation}`
    if (this.#isFrayed) await this.#disk.truncate(log, this.#logEnd)
    this.#isFrayed = true
    try {
      await this.#disk.write(log, this.#logEnd, frame)
      await this.#disk.fsync(log)
    } catch (error) {
      // So that a reader of today does not see what a crash of tomorrow takes.
      await this.#disk.truncate(log, this.#logEnd)
      throw error
    }
    this.#isFrayed = false
    this.#logEnd += frame.length
    this.#last = n
    await this.checkOwner()
  }

  /** A generation of our own that holds this, and our head on it. */
  async #begin({ image, records }: Stored): Promise<void> {
    const generation = `${this.#owner}.${this.#count++}`
    if (image !== undefined) {
      const { bytes, through, checksum } = image
      await this.#write(`image.${generation}`, joined(numbers(through, checksum), bytes))
    }
    const log = joined(...records.map(frameOf))
    await this.#write(`log.${generation}`, log)
    const name = new TextEncoder().encode(generation)
    const head = joined(numbers(crc32(name), image === undefined ? 0 : 1), name)
    await this.#write(`new.${this.#owner}`, head)
    await this.#disk.rename(`new.${this.#owner}`, `head.${this.#owner}`)
    this.#generation = generation
    this.#logEnd = log.length
    this.#last = records.at(-1)?.n ?? image?.through ?? 0
    this.#isFrayed = false
    this.#isNameLoose = true
    await this.#fixName()
  }

  /** Until then a crash may bring back the generation before, which holds the same and no more. */
  async #fixName(): Promise<void> {
    if (!this.#isNameLoose) return
    await this.#disk.fsyncNames()
    this.#isNameLoose = false
  }

  /** The owner before may just be making its last image: then what its head named is gone. */
  async #readNewest(): Promise<Stored> {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        for (const name of (await this.#heads()).toReversed()) {
          const head = await this.#disk.read(name)
          if (head.length <= numbersBytes) continue
          const [checksum, hasImage] = readNumbers(head, 0)
          const generation = head.subarray(numbersBytes)
          if (crc32(generation) !== checksum) continue
          return await this.#readGeneration(new TextDecoder().decode(generation), hasImage === 1)
        }
        return { image: undefined, records: [] }
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    }
    throw new ClientError('storage-failed', 'the files of the store come and go')
  }

  async #readGeneration(generation: string, hasImage: boolean): Promise<Stored> {
    const records = readFrames(await this.#disk.read(`log.${generation}`))
    if (!hasImage) return { image: undefined, records }
    const bytes = await this.#disk.read(`image.${generation}`)
    const [through, checksum] = readNumbers(bytes, 0)
    return { image: { bytes: bytes.slice(numbersBytes), through, checksum }, records }
  }

  /** Removes what lower owners had, and our own older generations. What was set aside stays. */
  async #sweep(): Promise<void> {
    for (const name of await this.#disk.names()) {
      const [kind = '', epoch, id, count] = name.split('.')
      const isOurs = `${epoch}.${id}` === this.#owner
      const isOld = isOurs
        ? count !== undefined && `${epoch}.${id}.${count}` !== this.#generation
        : `${epoch}.${id}` < this.#owner
      if (kind !== 'aside' && isOld) await this.#remove(name)
    }
  }

  async #remove(name: string): Promise<void> {
    try {
      await this.#disk.remove(name)
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  async #heads(): Promise<string[]> {
    return (await this.#disk.names()).filter((name) => name.startsWith('head.')).toSorted()
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#disk.write(name, 0, bytes)
    await this.#disk.truncate(name, bytes.length)
    await this.#disk.fsync(name)
  }

  async #readOrNothing(name: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#disk.read(name)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof SimulationError && error.code === 'no-such-file'
}

function epochOf(head: string | undefined): number {
  return Number(head?.split('.')[1] ?? 0)
}

function pad(epoch: number): string {
  return String(epoch).padStart(8, '0')
}

const numbersBytes = 16

function numbers(...values: readonly [number, number]): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer)
}

function readNumbers(bytes: Uint8Array, at: number): readonly [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return [view.getFloat64(at, true), view.getFloat64(at + 8, true)]
}

/** Number, length, checksum of both and of the bytes, and the bytes. */
function frameOf({ n, bytes }: StoredRecord): Uint8Array {
  const head = numbers(n, bytes.length)
  return joined(head, numbers(crc32(joined(head, bytes)), 0), bytes)
}

/**
 * The frames of a log. Only the last can be torn, because each is synced before the next: it is cut
 * off. Where more follows, the log is damaged: its readers are told by a record that holds nothing.
 */
function readFrames(log: Uint8Array): StoredRecord[] {
  const records: StoredRecord[] = []
  let at = 0
  for (;;) {
    const record = frameAt(log, at)
    if (record === undefined) break
    records.push(record)
    at += 2 * numbersBytes + record.bytes.length
  }
  for (let later = at + 1; later < log.length; later++) {
    if (frameAt(log, later) === undefined) continue
    records.push({ n: (records.at(-1)?.n ?? 0) + 1, bytes: new Uint8Array(0) })
    break
  }
  return records
}

function frameAt(log: Uint8Array, at: number): StoredRecord | undefined {
  const start = at + 2 * numbersBytes
  if (start > log.length) return undefined
  const [n, length] = readNumbers(log, at)
  if (!Number.isSafeInteger(length) || length < 0 || start + length > log.length) return undefined
  const [checksum] = readNumbers(log, at + numbersBytes)
  const bytes = log.slice(start, start + length)
  if (crc32(joined(log.subarray(at, at + numbersBytes), bytes)) !== checksum) return undefined
  return { n, bytes }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
