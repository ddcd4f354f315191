import { ClientError, type ClientErrorCode } from '../../errors.js'

/** The typed error for whatever went wrong `doing` something; a `ClientError` stays what it is. */
export function storeErrorOf(error: unknown, doing: string): ClientError {
  if (error instanceof ClientError) return error
  const cause = error instanceof Error ? error : new Error(String(error))
  return new ClientError(codeOf(cause), `${doing}: ${cause.message}`, { cause })
}

/**
 * What the error of a platform means. better-sqlite3 has SQLite's codes, IndexedDB names, a file system
 * its own codes; sql.js and op-sqlite have nothing but SQLite's English, which has not changed in years.
 */
function codeOf(error: Error): ClientErrorCode {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const says = `${error.name} ${code} ${error.message}`
  return meanings.find(([pattern]) => pattern.test(says))?.[1] ?? 'internal'
}

const meanings: readonly (readonly [RegExp, ClientErrorCode])[] = [
  [/QuotaExceeded|SQLITE_FULL|ENOSPC|EDQUOT|disk is full|disk-full/, 'storage-full'],
  [/SQLITE_CORRUPT|SQLITE_NOTADB|image is malformed|not a database/, 'store-damaged'],
  [/SQLITE_BUSY|database is locked/, 'store-in-use'],
  [
    /SQLITE_(?:IOERR|NOMEM|READONLY|CANTOPEN|PROTOCOL|PERM|AUTH)|disk I\/O|out of memory|readonly database|unable to open|disk-failed/,
    'storage-failed',
  ],
]
