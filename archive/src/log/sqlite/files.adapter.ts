import {
  closeSync,
  existsSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** What SQLite keeps beside a database: the log of recent commits, and its index. */
const companions = ['-wal', '-shm'] as const

/**
 * The one name of a log's file: locks and companions are found by it, so links to the same file
 * have to give the same. The folder has to exist; the file need not.
 */
export function canonicalPath(file: string): string {
  return existsSync(file) ? realpathSync(file) : join(realpathSync(dirname(file)), basename(file))
}

/** In bytes; 0 if there is no such file. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

export function walOf(file: string): string {
  return `${file}-wal`
}

/** Which file a name leads to; empty if to none. Another one by the same name is told apart. */
export function identityOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? '' : `${found.dev}:${found.ino}`
}

export interface FileHeader {
  readonly isSqlite: boolean
  readonly applicationId: number
}

/** What a file of at least one byte says it is. */
export function readHeader(file: string): FileHeader {
  const header = new Uint8Array(100)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, header, 0, header.length, 0)
  } finally {
    closeSync(descriptor)
  }
  const magic = new TextDecoder('latin1').decode(header.subarray(0, 16))
  return {
    isSqlite: magic === 'SQLite format 3\0',
    applicationId: new DataView(header.buffer).getUint32(68),
  }
}

/**
 * Renames a file and its companions, never over anything else, so that what can be saved from it
 * stays there. Gives the new name of the file.
 */
export function setAside(file: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-')
  const names = ['', ...companions]
  let target = `${file}.damaged-${stamp}`
  for (let attempt = 2; names.some((name) => existsSync(target + name)); attempt++) {
    target = `${file}.damaged-${stamp}-${attempt}`
  }
  for (const name of names) if (existsSync(file + name)) renameSync(file + name, target + name)
  return target
}

/*
 * A running log that meets damage cannot move its file away: readers still get from it what is
 * whole. It leaves a mark instead, and the next opening looks at every page first.
 */

export function markSuspect(file: string, reason: string): void {
  writeFileSync(suspectMarkOf(file), `${reason}\n`)
}

export function isSuspect(file: string): boolean {
  return existsSync(suspectMarkOf(file))
}

export function clearSuspicion(file: string): void {
  rmSync(suspectMarkOf(file), { force: true })
}

function suspectMarkOf(file: string): string {
  return `${file}.suspect`
}
