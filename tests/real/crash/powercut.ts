/*
 * Folders whose disk forgets what was not synced: see tests/children/powercut.c.
 *
 *     folder/  what the process sees        disk/  what a power cut leaves of it
 *
 *     prepare ─► run a process with `environment` ─► kill it ─► `cut` makes the next folder
 */
import { below, type Random } from '@holdfast/peer/ports'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'

/** The library to preload; or why there is none here. */
export type Shim = { readonly library: string } | { readonly missing: string }

/** Compiles the library into a folder. */
export function compileShim(folder: string): Shim {
  if (process.platform !== 'linux') return { missing: `no LD_PRELOAD on ${process.platform}` }
  const library = join(folder, 'powercut.so')
  const source = resolve(import.meta.dirname, '../../children/powercut.c')
  const options = ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl', '-lpthread']
  const { error, status, stderr } = spawnSync('cc', options, { encoding: 'utf8' })
  if (error !== undefined) return { missing: `no C compiler: ${error.message}` }
  if (status !== 0) throw new Error(`powercut.c does not compile:\n${stderr}`)
  return { library }
}

export interface ForgetfulFolder {
  readonly folder: string
  readonly disk: string
  /** For the process that works in `folder`. */
  readonly environment: Readonly<Record<string, string>>
}

export interface Lie {
  /** Where an fsync returns and nothing is on disk: of every file, or of the write-ahead log only. */
  readonly lies?: 'everywhere' | 'write-ahead log'
}

/** Makes a folder, with copies of what is in `from`, all of it safe on disk. */
export function forgetfulFolder(
  parent: string,
  library: string,
  from: string | undefined,
  { lies }: Lie = {},
): ForgetfulFolder {
  const base = realpathSync(mkdtempSync(join(parent, 'cut-')))
  const folder = join(base, 'folder')
  const disk = join(base, 'disk')
  mkdirSync(folder)
  mkdirSync(disk)
  const names = from === undefined ? [] : readdirSync(from)
  names.forEach((name, number) => {
    copyFileSync(join(from as string, name), join(folder, name))
    copyFileSync(join(from as string, name), join(disk, String(number)))
  })
  writeFileSync(join(disk, 'names'), names.map((name, number) => `${number} ${name}\n`).join(''))
  writeFileSync(join(disk, 'count'), new Uint8Array(8))
  const environment = {
    LD_PRELOAD: library,
    HOLDFAST_FOLDER: folder,
    HOLDFAST_DISK: disk,
    // Writes and syncs through the ring would pass the library by.
    UV_USE_IO_URING: '0',
    ...(lies !== undefined && { HOLDFAST_LIE: lies === 'everywhere' ? '' : '-wal' }),
  }
  return { folder, disk, environment }
}

/** How many fsyncs of files have returned. */
export function syncsOf(disk: string): number {
  return Number(readFileSync(join(disk, 'count')).readBigUInt64LE())
}

/**
 * What is on the disk after the power cut: `nothing` of what was not synced, or `some` of it,
 * sector by sector as chance has it (the kernel writes back when and in the order it likes).
 */
export function cut(
  { folder, disk }: ForgetfulFolder,
  unsynced: 'nothing' | 'some',
  random: Random,
): string {
  const left = mkdtempSync(join(disk, '..', 'left-'))
  const live = namesIn(join(disk, 'live'))
  const synced = namesIn(join(disk, 'names'))
  const names = unsynced === 'some' && below(random, 2) === 0 ? live : synced
  const nameNow = new Map([...live].map(([name, number]) => [number, name]))
  for (const [name, number] of names) {
    const onDisk = readIfThere(join(disk, number))
    const now = nameNow.get(number)
    const seen = unsynced === 'some' && now !== undefined ? readIfThere(join(folder, now)) : onDisk
    writeFileSync(join(left, name), seen === onDisk ? onDisk : mixed(onDisk, seen, random))
  }
  return left
}

const sectorBytes = 512

/** Each sector as it was, or as it is. Damages `old`. */
function mixed(old: Uint8Array, now: Uint8Array, random: Random): Uint8Array {
  const length = below(random, 2) === 0 ? now.length : old.length
  const result = new Uint8Array(length)
  result.set(old.subarray(0, length))
  // From most sectors lost to most kept: a cut right after the write, or long after it.
  const chance = below(random, 101)
  for (let at = 0; at < length; at += sectorBytes) {
    if (at < now.length && below(random, 100) < chance) {
      result.set(now.subarray(at, Math.min(at + sectorBytes, length)), at)
    }
  }
  return result
}

function namesIn(list: string): ReadonlyMap<string, string> {
  const lines = readFileSync(list, 'utf8').split('\n').filter(Boolean)
  return new Map(
    lines.map((line) => {
      const space = line.indexOf(' ')
      return [line.slice(space + 1), line.slice(0, space)]
    }),
  )
}

/** A file whose name is on disk and whose bytes never were is empty. */
function readIfThere(file: string): Uint8Array {
  return existsSync(file) ? readFileSync(file) : new Uint8Array()
}
