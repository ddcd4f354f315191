/** Follow records as one JSON file, written anew as a whole and put in place by a rename. */
import type { ArchivePosition } from '@holdfast/peer/archive-link'
import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import {
  parseArchiveId,
  parseCollectionName,
  parseTermId,
  type Cursor,
} from '@holdfast/peer/protocol'
import { open, readFile, rename } from 'node:fs/promises'
import { keyOfRecord, type FollowRecord, type FollowRecords } from './records.js'

export interface RecordsFileOptions {
  readonly file: string
  readonly clock: Clock
  readonly logger: Logger
}

export function openRecordsFile(options: RecordsFileOptions): FollowRecords {
  return new RecordsFile(options)
}

class RecordsFile implements FollowRecords {
  readonly #options: RecordsFileOptions
  readonly #byKey = new Map<string, FollowRecord>()
  #timer: Undo | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: RecordsFileOptions) {
    this.#options = options
  }

  async load(): Promise<readonly FollowRecord[]> {
    const { file, logger } = this.#options
    try {
      for (const record of recordsOf(JSON.parse(await readFile(file, 'utf8')))) this.#put(record)
    } catch (error) {
      if (!isMissing(error)) {
        logger.error('what was kept of followed archives does not read: they are compared with', {
          file,
          error: String(error),
        })
      }
    }
    return [...this.#byKey.values()]
  }

  save(record: FollowRecord): void {
    this.#put(record)
    this.#timer ??= this.#options.clock.after(writeWithinMs, () => this.#write())
  }

  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#write()
    await this.#writing
  }

  #put(record: FollowRecord): void {
    const { collection, position } = record
    const key = keyOfRecord(collection, position.cursor.archive)
    // The newest last: of many archives that came one after the other the last ones are kept.
    this.#byKey.delete(key)
    this.#byKey.set(key, record)
    if (this.#byKey.size <= maxRecords) return
    const [oldest] = this.#byKey.keys()
    if (oldest !== undefined) this.#byKey.delete(oldest)
  }

  #write(): void {
    this.#timer?.()
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#writeAll())
  }

  async #writeAll(): Promise<void> {
    const { file, logger } = this.#options
    const text = JSON.stringify({ version: 1, records: [...this.#byKey.values()] })
    try {
      const handle = await open(`${file}.new`, 'w')
      try {
        await handle.writeFile(text)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(`${file}.new`, file)
    } catch (error) {
      // What is there is older, which costs reading again, and no more.
      logger.error('where the followed archives stand cannot be kept', {
        file,
        error: String(error),
      })
    }
  }
}

/** Older ones are safe: this often costs nothing. */
const writeWithinMs = 1_000
/** Some 300 bytes each. */
const maxRecords = 20_000

function recordsOf(stored: unknown): readonly FollowRecord[] {
  const { version, records } = stored as { version?: unknown; records?: unknown }
  if (version !== 1 || !Array.isArray(records)) throw new Error('not a file of this version')
  return records.map((record: Record<string, unknown>) => {
    const collection = parseCollectionName(record['collection'])
    const { given } = record
    if (!collection.ok || !isSeq(given)) throw new Error('not a record')
    return {
      collection: collection.value,
      position: positionOf(record['position'] as Record<string, unknown>),
      own: cursorOf(record['own'] as Record<string, unknown>),
      given,
    }
  })
}

function positionOf({ cursor, isWhole, isCompared }: Record<string, unknown>): ArchivePosition {
  if (typeof isWhole !== 'boolean' || typeof isCompared !== 'boolean')
    throw new Error('no position')
  return { cursor: cursorOf(cursor as Record<string, unknown>), isWhole, isCompared }
}

function cursorOf({ archive, term, seq }: Record<string, unknown>): Cursor {
  const [parsedArchive, parsedTerm] = [parseArchiveId(archive), parseTermId(term)]
  if (!parsedArchive.ok || !parsedTerm.ok || !isSeq(seq)) throw new Error('no cursor')
  return { archive: parsedArchive.value, term: parsedTerm.value, seq }
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}
