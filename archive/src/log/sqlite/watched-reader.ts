import { LogError } from '../errors.js'
import type { ReaderHost } from './hosts.js'
import { DamageFound } from './sql.adapter.js'

/**
 * A reader of which somebody hears when it finds the file itself broken: the writer has to know,
 * which may not have touched the broken pages yet.
 */
export function watchedReader(
  reader: ReaderHost,
  onBroken: (error: LogError) => Promise<void>,
): ReaderHost {
  async function watched<Result>(read: Promise<Result>): Promise<Result> {
    try {
      return await read
    } catch (error) {
      if (error instanceof LogError && error.cause instanceof DamageFound) await onBroken(error)
      throw error
    }
  }
  return {
    readPage: (...args) => watched(reader.readPage(...args)),
    call: (...args) => watched(reader.call(...args)),
    close: () => reader.close(),
  }
}
