import { createHash } from 'node:crypto'

/**
 * A file name for any name of a collection or document: itself where that is safe on every file
 * system, else what can be read of it, a dot, and a hash that tells it from all others. A safe name
 * has no dot, so the two kinds never meet; the manifest has the true names.
 *
 *     note-1        note-1
 *     Notes/2026    notes-2026.6e1f0c9b2d4a7731
 *     ../../etc     etc.5b1c…
 */
export function fileNameOf(name: string): string {
  if (safe.test(name) && !reserved.test(name)) return name
  const readable = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, maxReadable)
    .replaceAll(/^-+|-+$/g, '')
  const hash = createHash('sha256').update(name).digest('hex').slice(0, hashDigits)
  return `${isUsable(readable) ? readable : `name-${readable}`}.${hash}`
}

function isUsable(readable: string): boolean {
  return readable !== '' && !reserved.test(readable)
}

/** Some file systems do not tell upper case from lower case. */
const safe = /^[a-z0-9][a-z0-9_-]{0,99}$/

/** Names of devices on Windows, with any ending. */
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)$/

/** Room for the hash and endings in the 255 bytes that file systems give a name. */
const maxReadable = 60
/** 64 bits: of a million names two share it once in 37 million exports. */
const hashDigits = 16
