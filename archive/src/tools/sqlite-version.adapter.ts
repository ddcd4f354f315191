import Database from 'better-sqlite3'

/** The version of the SQLite that logs are kept in. Throws if the native module does not load here. */
export function sqliteVersion(): string {
  const database = new Database(':memory:')
  try {
    return String(database.prepare('SELECT sqlite_version()').pluck().get())
  } finally {
    database.close()
  }
}
