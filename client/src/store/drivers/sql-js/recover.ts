import { ClientError } from '../../../errors.js'
import { transaction } from '../engine.js'
import { crc32 } from './crc32.js'
import { SqlJsEngine, type SqlJs } from './engine.js'
import type { Stored, StoredImage } from './record-store.js'
import { damaged, decodeRecord } from './record.js'

/** The database as the log has it, and how far that goes. */
export interface Recovered {
  readonly engine: SqlJsEngine
  /** The last record that is in it. */
  readonly through: number
  readonly imageBytes: number
  readonly logBytes: number
  readonly records: number
  /** Why it is not all that was stored: it ends before the first damage. */
  readonly damage: ClientError | undefined
}

/**
 * Makes the database of what is stored. Of a log that is damaged somewhere it is everything before
 * that; of a damaged image it is empty. Throws `store-too-new` where a later version wrote.
 */
export function recover(sqlJs: SqlJs, { image, records }: Stored): Recovered {
  let engine: SqlJsEngine
  try {
    if (image !== undefined) checkImage(image)
    engine = new SqlJsEngine(sqlJs, image?.bytes)
  } catch (error) {
    const empty = { imageBytes: 0, logBytes: 0, records: 0, through: 0 }
    return { ...empty, engine: new SqlJsEngine(sqlJs), damage: damageOf(error) }
  }
  let through = image?.through ?? 0
  let logBytes = 0
  let replayed = 0
  let damage: ClientError | undefined
  try {
    for (const { n, bytes } of records) {
      if (n !== through + 1) throw damaged(through + 1, `the next one is ${n}`)
      replay(engine, n, bytes)
      through = n
      logBytes += bytes.length
      replayed++
    }
  } catch (error) {
    if (error instanceof ClientError && error.code === 'store-too-new') {
      engine.close()
      throw error
    }
    damage = damageOf(error)
  }
  const imageBytes = image?.bytes.length ?? 0
  return { engine, through, imageBytes, logBytes, records: replayed, damage }
}

/** An image with what is checked when it is read. */
export function imageOf(bytes: Uint8Array, through: number): StoredImage {
  return { bytes, through, checksum: crc32(bytes) }
}

function checkImage({ bytes, checksum }: StoredImage): void {
  if (crc32(bytes) === checksum) return
  throw new ClientError(
    'store-damaged',
    'the image of the store is damaged: its checksum is another',
  )
}

function replay(engine: SqlJsEngine, n: number, bytes: Uint8Array): void {
  const { statements, changes } = decodeRecord(n, bytes)
  transaction(engine, statements, (changed) => {
    // The same statements on the same content change the same rows; else the content is another.
    if (changed.join() === changes.join()) return
    throw damaged(n, `it changed ${changes.join()} rows, and now ${changed.join()}`)
  })
}

function damageOf(error: unknown): ClientError {
  if (error instanceof ClientError && error.code === 'store-damaged') return error
  const message = `the store is damaged: ${error instanceof Error ? error.message : String(error)}`
  return new ClientError('store-damaged', message, { cause: error })
}
