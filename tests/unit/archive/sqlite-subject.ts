import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogError, openSqliteLog, type Log, type LogPolicy } from '@holdfast/archive'
import { inlineHosts, type StatementHook } from '@holdfast/archive/testing'
import { silentLogger } from '@holdfast/peer/ports'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import Database from 'better-sqlite3'
import type { HeldGroups, LogBackup, LogContract, LogSubject } from '../../contract/log/subject.js'

/** In the test's own thread: every statement can be held back, counted and made to fail. */
export const inlineSqliteLog: LogContract = {
  kind: 'SQLite',
  canHold: true,
  canFail: true,
  canDamage: true,
  setup: (policy) => openSubject(true, policy),
}

/** As in production, in threads of its own. */
export const threadedSqliteLog: LogContract = {
  kind: 'threaded SQLite',
  canDamage: true,
  setup: (policy) => openSubject(false, policy),
}

async function openSubject(inline: boolean, policy?: Partial<LogPolicy>): Promise<SqliteSubject> {
  const subject = new SqliteSubject(inline, policy)
  await subject.begin()
  return subject
}

/** A log in a folder of its own, on virtual time. A crash leaves the files as they are just then. */
class SqliteSubject implements LogSubject {
  readonly clock = new VirtualClock()
  readonly #inline: boolean
  readonly #policy: Partial<LogPolicy>
  readonly #random = new SeededRandom('sqlite')
  readonly #root = mkdtempSync(join(tmpdir(), 'holdfast-log-'))
  /** Everything that was ever opened: to be closed at the end. */
  readonly #logs: Log[] = []
  #life = new Life()
  #copies = 0
  #file = join(this.#root, 'log.db')

  constructor(inline: boolean, policy: Partial<LogPolicy> = {}) {
    this.#inline = inline
    this.#policy = policy
  }

  get file(): string {
    return this.#file
  }

  get log(): Log {
    const log = this.#logs.at(-1)
    if (log === undefined) throw new Error('no log is open')
    return log
  }

  async begin(): Promise<void> {
    this.#logs.push(await this.#open())
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
  }

  async reopen(): Promise<void> {
    await this.log.close()
    await this.begin()
  }

  async crash(): Promise<void> {
    this.#life.isOver = true
    this.#file = copyOf(this.#file, this.#nextCopy())
    this.#life = new Life()
    await this.begin()
  }

  async backup(): Promise<LogBackup> {
    return copyOf(this.#file, this.#nextCopy())
  }

  async restore(backup: LogBackup): Promise<void> {
    await this.log.close()
    this.#file = copyOf(backup as string, this.#nextCopy())
    await this.begin()
  }

  openSecond(): Promise<Log> {
    return this.#open()
  }

  async close(): Promise<void> {
    this.#life.gate?.release()
    for (const log of this.#logs) await log.close()
    rmSync(this.#root, { recursive: true })
  }

  readonly hold = (): HeldGroups => {
    this.#life.gate = new Gate()
    return this.#life.gate
  }

  readonly failNext = (code: 'storage-full' | 'storage-failed'): void => {
    this.#life.failure = code === 'storage-full' ? 'SQLITE_FULL' : 'SQLITE_IOERR_FSYNC'
  }

  readonly damage = {
    row: async (collection: string, document: string, seq: number): Promise<void> => {
      this.#tamper(
        `UPDATE entries SET bytes = flipped(bytes)
         WHERE document = (SELECT d.id FROM documents d JOIN collections c ON c.id = d.collection
                           WHERE c.name = ? AND d.name = ?) AND seq = ?`,
        [collection, document, seq],
      )
    },
    newestSnapshot: async (collection: string, document: string): Promise<void> => {
      this.#tamper(
        `UPDATE snapshots SET bytes = flipped(bytes)
         WHERE id = (SELECT max(s.id) FROM snapshots s JOIN documents d ON d.id = s.id / 2
                     JOIN collections c ON c.id = d.collection WHERE c.name = ? AND d.name = ?)`,
        [collection, document],
      )
    },
  }

  #open(): Promise<Log> {
    const life = this.#life
    const onStatement: StatementHook = (statement, phase) => life.beforeCommit(statement, phase)
    const beforeGroup = (): Promise<void> => life.pass()
    return openSqliteLog({
      file: this.#file,
      clock: this.clock,
      random: this.#random,
      logger: silentLogger,
      policy: this.#policy,
      ...(this.#inline && { hosts: inlineHosts({ onStatement, beforeGroup }) }),
    })
  }

  #nextCopy(): string {
    return join(this.#root, `copy-${++this.#copies}.db`)
  }

  #tamper(sql: string, values: readonly (string | number)[]): void {
    const database = new Database(this.#file)
    try {
      database.function('flipped', (bytes) => flipped(bytes as Uint8Array))
      const { changes } = database.prepare(sql).run(...values)
      if (changes !== 1) throw new Error(`${changes} rows instead of one`)
    } finally {
      database.close()
    }
  }
}

/** What the test does to one life of the log, from opening to crash. */
class Life {
  gate: Gate | undefined
  failure: string | undefined
  isOver = false

  async pass(): Promise<void> {
    await this.gate?.pass()
    if (this.isOver) throw new LogError('closed', 'the process is dead')
  }

  beforeCommit(statement: string, phase: 'before' | 'after'): void {
    if (statement !== 'commit' || phase !== 'before' || this.failure === undefined) return
    const code = this.failure
    this.failure = undefined
    throw new Database.SqliteError('as the test wants it', code)
  }
}

class Gate implements HeldGroups {
  readonly waiting: Promise<void>
  readonly #open: Promise<void>
  #noteWaiting: () => void = () => {}
  release: () => void = () => {}

  constructor() {
    this.waiting = new Promise((resolve) => {
      this.#noteWaiting = resolve
    })
    this.#open = new Promise((resolve) => {
      this.release = resolve
    })
  }

  pass(): Promise<void> {
    this.#noteWaiting()
    return this.#open
  }
}

/** What the disk holds at this moment: the database, and the commits that are still beside it. */
function copyOf(from: string, to: string): string {
  for (const part of ['', '-wal']) {
    if (existsSync(from + part)) copyFileSync(from + part, to + part)
  }
  return to
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const at = copy.length >> 1
  copy[at] = (copy[at] ?? 0) ^ 0x04
  return copy
}
