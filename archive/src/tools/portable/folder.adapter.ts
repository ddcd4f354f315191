import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** Whether there is anything at this path that an export would mix with. */
export function isOccupied(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).length > 0
}

export function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true })
}

/** On disk, whole, when this returns; the name is on disk after `syncFolder`. */
export function writeDurably(file: string, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'wx')
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

export function syncFile(file: string): void {
  const descriptor = openSync(file, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Makes what was created, renamed or removed in a folder last. */
export function syncFolder(folder: string): void {
  // Windows has no such call: its file system keeps names by itself.
  if (process.platform !== 'win32') syncFile(folder)
}

/** Gives a finished file its name: whoever sees that sees all of it, also after a power cut. */
export function moveIntoPlace(from: string, to: string): void {
  renameSync(from, to)
  syncFolder(dirname(to))
}

export function removeFile(file: string): void {
  rmSync(file, { force: true })
}

export function isThere(path: string): boolean {
  return existsSync(path)
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

export function readBytes(...path: string[]): Uint8Array {
  const bytes = readFileSync(join(...path))
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function readText(...path: string[]): string {
  return readFileSync(join(...path), 'utf8')
}
