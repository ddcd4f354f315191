import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultLogPolicy, openSqliteLog, type Log, type LogPolicy } from '@holdfast/archive'
import { Engine, inlineHosts, LogReader, type SqlHooks } from '@holdfast/archive/testing'
import type { Logger } from '@holdfast/peer/ports'
import { hexOf, type ArchiveId, type TermId } from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import Database from 'better-sqlite3'

/** A folder with a log's file, and everything that a test does to it from outside. */
export class LogFolder {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-sqlite-'))
  readonly file = join(this.root, 'log.db')
  readonly clock = new VirtualClock()
  /** What was said as an error: `message {fields}`. */
  readonly errors: string[] = []
  readonly #random = new SeededRandom('folder')
  readonly #open: { close(): unknown }[] = []
  readonly #logger: Logger = {
    error: (message, fields) => this.errors.push(`${message} ${JSON.stringify(fields)}`),
    info: () => {},
    debug: () => {},
  }

  /** The log, in this thread. */
  async openLog(
    policy: Partial<LogPolicy> = {},
    hooks: Parameters<typeof inlineHosts>[0] = {},
  ): Promise<Log> {
    const { file, clock } = this
    const hosts = inlineHosts(hooks)
    const log = await openSqliteLog({
      file,
      clock,
      random: this.#random,
      logger: this.#logger,
      policy,
      hosts,
    })
    this.#open.push(log)
    return log
  }

  /** As in production. */
  async openThreads(policy: Partial<LogPolicy> = {}): Promise<Log> {
    const { file, clock } = this
    const log = await openSqliteLog({
      file,
      clock,
      random: this.#random,
      logger: this.#logger,
      policy,
    })
    this.#open.push(log)
    return log
  }

  /** The writing half by itself. */
  openEngine(policy: Partial<LogPolicy> = {}, hooks: SqlHooks = {}, file = this.file): Engine {
    const engine = Engine.open({
      file,
      hooks,
      policy: { ...defaultLogPolicy, ...policy },
      freshArchive: this.#id() as ArchiveId,
      term: this.#id() as TermId,
      nowMs: this.clock.now(),
      logger: this.#logger,
    })
    this.#open.push(engine)
    return engine
  }

  /** The reading half by itself. */
  openReader({ file }: Engine, hooks: SqlHooks = {}): LogReader {
    const { archive, term } = file
    const reader = new LogReader({
      file: file.file,
      archive,
      term,
      policy: defaultLogPolicy,
      hooks,
    })
    this.#open.push(reader)
    return reader
  }

  /** Looks at the tables, or changes them behind the log's back. */
  tamper<Result>(work: (database: Database.Database) => Result, file = this.file): Result {
    const database = new Database(file)
    try {
      return work(database)
    } finally {
      database.close()
    }
  }

  /** Asks for one number. */
  count(sql: string, ...values: readonly unknown[]): number {
    return this.tamper(
      (database) =>
        database
          .prepare(sql)
          .pluck()
          .get(...values) as number,
    )
  }

  async close(): Promise<void> {
    for (const one of this.#open.toReversed()) await one.close()
    rmSync(this.root, { recursive: true, force: true })
  }

  #id(): string {
    return hexOf(this.#random.bytes(16))
  }
}

/** Runs a check in a folder of its own, and removes that whatever happens. */
export function inFolder(check: (folder: LogFolder) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = new LogFolder()
    try {
      await check(folder)
    } finally {
      await folder.close()
    }
  }
}
