import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openNodeDriver } from '@holdfast/client/node'
import type { DriverSubject } from './subject.js'

/** A file in a fresh folder. A crash is a copy of the files as they are, opened instead of them. */
export async function nodeSubject(): Promise<DriverSubject> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-driver-'))
  let life = 0
  const file = (): string => join(folder, String(life), 'store.sqlite')
  return {
    open: () => openNodeDriver({ file: file(), busyTimeoutMs: 0 }),
    openElsewhere: () => openNodeDriver({ file: file(), busyTimeoutMs: 0 }),
    async crash() {
      const from = join(folder, String(life))
      life++
      if (existsSync(from)) await cp(from, join(folder, String(life)), { recursive: true })
    },
    close: async () => rmSync(folder, { recursive: true }),
  }
}
