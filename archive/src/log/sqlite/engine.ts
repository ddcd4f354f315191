import type { Logger } from '@holdfast/peer/ports'
import { Ledger } from '../append/index.js'
import type { LogPolicy } from '../options.js'
import { GroupWriter, type GroupItem, type GroupResult } from './append.js'
import { DurableSource } from './durable-source.js'
import { openLogFile, type LogFile, type LogFileOptions } from './log-file.js'
import { Store } from './store.js'

export interface EngineOptions extends LogFileOptions {
  readonly policy: LogPolicy
}

/**
 * The writing half of a log, synchronous: everything that changes the file goes through here, one
 * call after the other. It runs in a thread of its own, or in a test's.
 */
export class Engine {
  readonly file: LogFile
  readonly #store: Store
  readonly #ledger: Ledger
  readonly #groups: GroupWriter

  static open(options: EngineOptions): Engine {
    const file = openLogFile(options)
    return new Engine(file, options.policy, options.logger)
  }

  private constructor(file: LogFile, policy: LogPolicy, _logger: Logger) {
    this.file = file
    this.#store = new Store(file.sql, file.termOrdinal, policy)
    this.#ledger = new Ledger(new DurableSource(this.#store), policy)
    this.#groups = new GroupWriter(this.#store, this.#ledger)
  }

  append(items: readonly GroupItem[], nowMs: number): GroupResult {
    return this.#groups.write(items, nowMs)
  }

  close(): void {
    this.file.close()
  }
}
