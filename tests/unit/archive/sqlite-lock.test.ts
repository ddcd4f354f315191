import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteLog } from '@holdfast/archive'
import { inlineHosts } from '@holdfast/archive/testing'
import { silentLogger } from '@holdfast/peer/ports'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'

test('[L37] an opening that fails half-way leads nothing: the file is free for the next one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'))
  const world = {
    file: join(folder, 'log.db'),
    clock: new VirtualClock(),
    random: new SeededRandom('lock'),
    logger: silentLogger,
  }
  try {
    await (await openSqliteLog({ ...world, hosts: inlineHosts() })).close()
    const version = setVersion(world.file, 99)
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(openSqliteLog({ ...world, hosts: inlineHosts() })).rejects.toMatchObject({
        name: 'LogError',
        code: 'unsupported-file',
      })
    }
    setVersion(world.file, version)
    const log = await openSqliteLog({ ...world, hosts: inlineHosts() })
    expect(await log.statistics()).toMatchObject({ documents: 0 })
    await log.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** As another version of the software would leave it; the version before. */
function setVersion(file: string, version: number): number {
  const database = new Database(file)
  const before = Number(database.pragma('user_version', { simple: true }))
  database.pragma(`user_version = ${version}`)
  database.close()
  return before
}
