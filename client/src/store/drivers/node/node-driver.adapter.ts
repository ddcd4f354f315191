import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type Database from 'better-sqlite3'
import { systemClock, type Clock } from '@holdfast/peer/ports'
import { ClientError } from '../../../errors.js'
import type { Driver, DriverEvent } from '../../driver.js'
import { EngineDriver } from '../engine-driver.js'
import { storeErrorOf } from '../store-error.js'
import { FileEngine } from './engine.adapter.js'

export interface NodeDriverOptions {
  /** Its folder is made where there is none. Two more files stand beside it while it is open. */
  readonly file: string
  /** How long to wait for a process that is about to let go of the file. Default 1,000. */
  readonly busyTimeoutMs?: number
  readonly clock?: Clock
}

/**
 * A file that this process has for itself, in better-sqlite3 (which the app installs). It runs in the
 * calling thread: a commit holds that up for as long as the disk takes, some milliseconds.
 *
 * Rejects as `store-in-use` while another process has it. A damaged file is set aside, with its recent
 * commits, and reported as `damaged`; an empty one is begun.
 */
export async function openNodeDriver({
  file,
  busyTimeoutMs = 1_000,
  clock = systemClock,
}: NodeDriverOptions): Promise<Driver> {
  const Sqlite = await loadSqlite()
  const path = resolve(file)
  const early: DriverEvent[] = []
  try {
    mkdirSync(dirname(path), { recursive: true })
    let engine: FileEngine
    try {
      engine = new FileEngine(Sqlite, path, busyTimeoutMs)
    } catch (error) {
      const typed = storeErrorOf(error, `opening ${path}`)
      if (typed.code !== 'store-damaged') throw typed
      early.push({ kind: 'damaged', setAside: setAside(path, clock.now()), cause: typed })
      engine = new FileEngine(Sqlite, path, busyTimeoutMs)
    }
    return new EngineDriver({ kind: 'better-sqlite3', isDurable: true, engine, early })
  } catch (error) {
    const typed = storeErrorOf(error, `opening ${path}`)
    if (typed.code !== 'store-in-use') throw typed
    const message = `${path} is open already, in this process or another: one process a file`
    throw new ClientError('store-in-use', message, { cause: typed })
  }
}

async function loadSqlite(): Promise<typeof Database> {
  try {
    return (await import('better-sqlite3')).default
  } catch (error) {
    throw new ClientError('unsupported', 'a store in Node needs better-sqlite3: install it', {
      cause: error,
    })
  }
}

/** Over nothing: a name that is taken gets a number behind it. */
function setAside(file: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(':', '-')
  let name = `${file}.damaged-${stamp}`
  for (let count = 2; existsSync(name); count++) name = `${file}.damaged-${stamp}-${count}`
  renameSync(file, name)
  // Recent commits belong to the file; replayed into an empty one they would be damage of their own.
  for (const part of ['-wal', '-shm']) {
    if (existsSync(file + part)) renameSync(file + part, name + part)
  }
  return name
}
