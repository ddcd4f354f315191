import { accessSync, constants, mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A fresh folder, in which a test makes its own. Whoever asks removes it. */
export function makeBase(): string {
  return baseIn(tmpdir())
}

/** The same in memory, where there is such a place: for tests to which a disk only adds time. */
export function makeBaseInMemory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
  } catch {
    return makeBase()
  }
  return baseIn('/dev/shm')
}

function baseIn(parent: string): string {
  return realpathSync(mkdtempSync(join(parent, 'holdfast-crash-')))
}
