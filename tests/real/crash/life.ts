/*
 * The life of one log, from crash to crash: a process writes it under load and dies, the log is
 * opened again and held against everything that it has promised in all of its openings.
 */
import { LogError, openSqliteLog, verifyLog, type Log } from '@holdfast/archive'
import { inlineHosts } from '@holdfast/archive/testing'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import type { SeededRandom } from '@holdfast/peer/testing'
import { join } from 'node:path'
import { linesOf } from '../../children/told.js'
import { runAndKill, type KillMoment } from './child.js'
import type { Promises } from './promises.js'

export interface CrashRun {
  readonly folder: string
  readonly environment?: Readonly<Record<string, string>>
  readonly random: SeededRandom
  readonly seed: string
}

/** Runs the writer in a folder until it is killed; notes what it was told. Throws if it ended itself. */
export async function writeUntilKilled(run: CrashRun, promises: Promises): Promise<void> {
  const { folder, environment = {}, random, seed } = run
  const end = await runAndKill({
    script: 'log-writer',
    args: [logIn(folder), seed, random.chance(0.4) ? 'threads' : 'inline'],
    environment,
    kill: killMoment(random),
  })
  if (end.ending !== 'SIGKILL' || end.printed !== '') {
    throw new Error(`the writer ended with ${end.ending}: ${end.printed}`)
  }
  promises.note(linesOf(end.told), environment['HOLDFAST_DISK'] !== undefined)
}

/** Opens the log as it was left, and holds it against its promises. */
export async function checkLeft(folder: string, promises: Promises): Promise<readonly string[]> {
  const file = logIn(folder)
  const problems: string[] = []
  const log = await openLog(file)
  try {
    await promises.check(log)
  } finally {
    await log.close()
  }
  const { isWhole, faults } = await verifyLog(file, { clock: systemClock })
  if (!isWhole) problems.push(...faults.map((fault) => JSON.stringify(fault)))
  return [...promises.problems, ...problems]
}

function logIn(folder: string): string {
  return join(folder, 'archive.db')
}

/** In this thread: a log that is only looked at needs no others. */
function openLog(file: string): Promise<Log> {
  return openSqliteLog({
    file,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    hosts: inlineHosts(),
  })
}

/** Whether a log could not be opened, or says that it is damaged. */
export function isLoss(error: unknown): boolean {
  return error instanceof LogError
}

/** Mostly under load; sometimes while the log is being opened, which is when it recovers. */
function killMoment(random: SeededRandom): KillMoment {
  return random.chance(0.15)
    ? { after: 'start', delayMs: random.between(50, 400) }
    : { after: 'words', bytes: 1 + random.below(maxToldBytes) }
}

/** Some hundred ops, and a compaction or two among them. */
const maxToldBytes = 80_000
