/** The folder that everything is kept in, and the disk below it. */
import { holderOfLog, inspectLog } from '@holdfast/archive'
import { bytesText } from '@holdfast/command'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fail, ok, reasonOf, warn, type Finding } from './finding.js'

/** What a disk says of itself. */
export interface DiskFigures {
  readonly freeBytes: number
  /** Of writing a page down to it. */
  readonly fsyncMs: number
  /** The number that Linux has for its file system. */
  readonly fileSystem: number
}

/** Makes a small file in the folder, and removes it. */
export async function measureDisk(folder: string): Promise<DiskFigures> {
  const fsyncMs = await medianFsyncMs(folder)
  const { bavail, bsize, type } = await statfs(folder)
  return { freeBytes: bavail * bsize, fsyncMs, fileSystem: type }
}

/** Changes nothing but for what `measure` does. */
export async function diskFindings(
  data: string,
  nowMs: number,
  measure: typeof measureDisk,
): Promise<readonly Finding[]> {
  const folder = resolve(data)
  const place = nearestFolder(folder)
  try {
    const found = await stat(place)
    if (!found.isDirectory()) {
      return [fail('data', `${place} is a file`, 'Take a folder: --data DIR')]
    }
    const { freeBytes, fsyncMs, fileSystem } = await measure(place)
    return [
      ok(
        'data',
        place === folder ? `${folder} takes files` : `${folder} is not there yet, and can be made`,
      ),
      spaceFinding(freeBytes),
      fsyncFinding(fsyncMs),
      ...fileSystemFindings(fileSystem),
      ...(place === folder ? await logFindings(folder, nowMs) : []),
    ]
  } catch (error) {
    return [
      fail(
        'data',
        `${place} takes no files: ${reasonOf(error)}`,
        `Give this user the folder (chown), or take another: --data DIR`,
      ),
    ]
  }
}

/** Itself, or what it would be made in. */
function nearestFolder(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder))
}

function spaceFinding(freeBytes: number): Finding {
  const said = `${bytesText(freeBytes)} free`
  if (freeBytes < leastBytes) {
    return fail('space', said, 'Make room: an archive without any takes no edits.')
  }
  return freeBytes < fewBytes
    ? warn('space', said, 'Make room: compaction needs some, and a backup as much as the log has.')
    : ok('space', said)
}

/** Room for a checkpoint, at the least. */
const leastBytes = 64 * 1024 * 1024
const fewBytes = 1024 * 1024 * 1024

/** Median of writing a page down to the disk, as each commit does. */
async function medianFsyncMs(folder: string): Promise<number> {
  const own = join(folder, `.holdfast-doctor-${process.pid}`)
  await mkdir(own)
  try {
    const handle = await open(join(own, 'probe'), 'w')
    try {
      const tookMs: number[] = []
      for (let turn = 0; turn < 15; turn++) {
        const fromMs = performance.now()
        await handle.write(new Uint8Array(4_096), 0, 4_096, 0)
        await handle.sync()
        tookMs.push(performance.now() - fromMs)
      }
      return tookMs.toSorted((a, b) => a - b)[7] ?? 0
    } finally {
      await handle.close()
    }
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}

function fsyncFinding(medianMs: number): Finding {
  const said = `a commit reaches the disk in ${medianMs.toFixed(medianMs < 10 ? 1 : 0)} ms`
  return medianMs > slowMs
    ? warn(
        'fsync',
        said,
        'Every edit waits so long for its confirmation: a disk with a write cache that survives power cuts is faster.',
      )
    : ok('fsync', said)
}

/** People notice. */
const slowMs = 50

/** By the number that Linux has for it; what it does not name says nothing. */
function fileSystemFindings(type: number): readonly Finding[] {
  if (type === tmpfs) {
    return [
      warn(
        'disk',
        'the folder is in memory (tmpfs): everything is gone at the next start of the machine',
        'Take a folder on a disk: --data DIR',
      ),
    ]
  }
  if (network.has(type)) {
    return [
      warn(
        'disk',
        'the folder is on a network file system: locks and fsync may not mean what they say',
        'Take a folder on a disk of this machine: --data DIR',
      ),
    ]
  }
  return []
}

const tmpfs = 0x01021994
/** NFS, SMB, SMB2, CIFS. */
const network = new Set([0x6969, 0x517b, 0xfe534d42, 0xff534d42])

/** The log in the folder, if there is one. */
async function logFindings(folder: string, nowMs: number): Promise<readonly Finding[]> {
  const file = join(folder, 'archive.db')
  const names = await readdir(folder)
  const findings: Finding[] = []
  const aside = names.filter((name) => name.startsWith('archive.db.damaged-'))
  if (aside.length > 0) {
    findings.push(
      warn(
        'log',
        `${aside.join(', ')} ${aside.length === 1 ? 'was' : 'were'} set aside as damaged`,
        `Look at the disk; holdfast export may still read most of it. Then move it away.`,
      ),
    )
  }
  const holder = holderOfLog(file, nowMs)
  findings.push(
    holder === undefined
      ? ok('lock', 'nobody else has the log open')
      : fail('lock', holder, 'Stop that process, or take another folder: --data DIR'),
  )
  if (names.includes('archive.db')) findings.push(...logFileFindings(file, nowMs))
  return findings
}

function logFileFindings(file: string, nowMs: number): readonly Finding[] {
  try {
    const { counts, collections, lastOpenedAtMs } = inspectLog(file, { limit: 1 })
    const said = `${collections.length} collections, ${counts.documents} documents; holdfast verify reads all of it`
    const aheadMs = lastOpenedAtMs - nowMs
    return [ok('log', said), ...(aheadMs > maxAheadMs ? [clockWentBack(aheadMs)] : [])]
  } catch (error) {
    return [
      fail(
        'log',
        reasonOf(error),
        'Restore a backup: holdfast restore BACKUP DIR. Keep the old file.',
      ),
    ]
  }
}

function clockWentBack(aheadMs: number): Finding {
  return warn(
    'clock',
    `the log was last opened ${Math.round(aheadMs / 60_000)} minutes from now, by this machine's clock`,
    'Set the clock (NTP): tokens, leases and ages go by it. Numbering does not.',
  )
}

/** Clocks of one machine differ from themselves by less. */
const maxAheadMs = 60_000
