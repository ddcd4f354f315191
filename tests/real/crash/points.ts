/*
 * Crashes at every statement. A scenario prepares a log and then takes one step; the step is cut at
 * each point before and after a statement, in two ways:
 *
 *   the process dies      the files as they are at that point are opened again
 *   the statement fails   the log goes on, and so does its memory
 */
import { openSqliteLog, verifyLog, type Log, type LogPolicy } from '@holdfast/archive'
import { inlineHosts, type StatementHook } from '@holdfast/archive/testing'
import { silentLogger, systemClock } from '@holdfast/peer/ports'
import type { CollectionName } from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { contentOf, digestOf } from '../../contract/log/content.js'
import { docOf } from '../../contract/log/writer.js'

export interface Scenario {
  readonly policy?: Partial<LogPolicy>
  /** Brings the log to where the step begins; it is closed and opened again after this. */
  readonly prepare?: (log: Log) => Promise<void>
  /** Changes the closed file behind the log's back. */
  readonly tamper?: (file: string) => void
  /** Taking it again, from wherever it was cut, leads to the same end. */
  readonly step: (log: Log) => Promise<unknown>
  /** It reads: that is answered also where what it would write fails. */
  readonly onlyReads?: boolean
  /** Only statements with such names are made to fail; the others have failed elsewhere. */
  readonly failAt?: RegExp
}

/** A moment inside a step. */
export interface CrashPoint {
  /** As in `after insert entries`. */
  readonly name: string
  /** The files as they were. */
  readonly file: string
}

/** One file of a log, and a clock that all of its openings share. */
export class Bench {
  readonly clock = new VirtualClock()
  readonly #folder: string
  readonly #random = new SeededRandom('points')
  #copies = 0

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder)
  }

  /** Opens a log in this thread. */
  open(file: string, policy: Partial<LogPolicy> = {}, onStatement?: StatementHook): Promise<Log> {
    return openSqliteLog({
      file,
      policy,
      clock: this.clock,
      random: this.#random,
      logger: silentLogger,
      hosts: inlineHosts(onStatement && { onStatement }),
    })
  }

  /** Copies database and write-ahead log as they are; the rest of what lies there is made anew. */
  copy(from: string): string {
    const to = this.fresh()
    for (const part of ['', '-wal']) {
      if (existsSync(from + part)) copyFileSync(from + part, to + part)
    }
    return to
  }

  /** A name for a file that is not there yet. */
  fresh(): string {
    return join(this.#folder, `log-${++this.#copies}.db`)
  }

  /** What is wrong with the file, in words. */
  async faultsIn(file: string): Promise<readonly string[]> {
    const { faults } = await verifyLog(file, { clock: systemClock })
    return faults.map((fault) => JSON.stringify(fault))
  }

  /** A closed log, as the scenario's step will find it. */
  async prepared({ policy, prepare, tamper }: Scenario): Promise<string> {
    const file = this.fresh()
    const log = await this.open(file, policy)
    await prepare?.(log)
    await log.close()
    tamper?.(file)
    return file
  }
}

/**
 * Takes the step once, and copies the files whenever they differ from the last copy: where they do
 * not, two points are one. `names` has all of them, in order.
 */
export async function crashPoints(
  bench: Bench,
  { policy, step }: Scenario,
  prepared: string,
): Promise<{ readonly points: readonly CrashPoint[]; readonly names: readonly string[] }> {
  const file = bench.copy(prepared)
  const points: CrashPoint[] = []
  const names: string[] = []
  let last = ''
  let isStep = false
  const log = await bench.open(file, policy, (statement, phase) => {
    if (!isStep) return
    names.push(`${phase} ${statement}`)
    const state = stateOf(file)
    if (state === last) return
    last = state
    points.push({ name: `${phase} ${statement}`, file: bench.copy(file) })
  })
  isStep = true
  await step(log)
  isStep = false
  points.push({ name: 'the end', file: bench.copy(file) })
  await log.close()
  return { points, names }
}

/** What a log holds, as a user would see it: equal is equal, whatever was compacted meanwhile. */
export async function seenIn(log: Log, collections: readonly CollectionName[]): Promise<unknown> {
  const seen = []
  for (const collection of collections) {
    // Reading comes first: it takes out what is damaged.
    const { entries } = await log.read({ collection, after: 0, maxBytes: 1e9, maxEntries: 1e6 })
    const documents = []
    const page = await log.documents({ collection, limit: 1_000 })
    for (const { document, deleted, gapped, lastSeq } of page.documents) {
      const state = await log.state(collection, document)
      const doc = docOf(state === undefined ? [] : [state.bytes])
      documents.push({
        document,
        deleted,
        gapped,
        lastSeq,
        parked: state?.parked.length,
        digest: digestOf(doc),
        content: contentOf(doc),
      })
    }
    const tombstones = entries.filter(({ kind }) => kind === 'tombstone').map(({ seq }) => seq)
    seen.push({ collection, head: await log.head(collection), tombstones, documents })
  }
  const quarantined = new Set((await log.quarantined(100)).map(({ reason }) => reason))
  return { seen, quarantined: [...quarantined].toSorted() }
}

function stateOf(file: string): string {
  const hash = createHash('sha256')
  for (const part of ['', '-wal'])
    if (existsSync(file + part)) hash.update(readFileSync(file + part))
  return hash.digest('hex')
}

/**
 * Which of the points to fail at: the first and the last of each name, or, in a campaign (`RUNS=`),
 * all of them.
 */
export function pointsToFailAt(
  names: readonly string[],
  { failAt = /./ }: Scenario,
): readonly number[] {
  return names.flatMap((name, at) =>
    failAt.test(name) &&
    (process.env['RUNS'] !== undefined ||
      names.indexOf(name) === at ||
      names.lastIndexOf(name) === at)
      ? [at]
      : [],
  )
}
