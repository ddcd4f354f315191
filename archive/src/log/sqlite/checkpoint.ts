import { Sql } from './sql.adapter.js'

/**
 * Carries what is in the write-ahead log over into the file, as far as no reader still needs it
 * there. Holds up neither readers nor the writer.
 */
export function checkpoint(file: string): void {
  const sql = new Sql({ file })
  try {
    sql.checkpoint()
  } finally {
    sql.close()
  }
}
