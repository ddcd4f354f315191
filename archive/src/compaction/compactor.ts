/*
 * Keeps the log's documents small. One at a time, what frees most first:
 *
 *             ┌──────────────────────────── nothing ripe ───────────────────────────┐
 *             ▼                                                                     │
 *   idle ── woken ──► asking ──► building ──► publishing ──► retiring ──► settling ─┤
 *     ▲    (commit,     │ a caught-up peer      │ stale: once more                  │
 *     │     timer)      │ agrees, or no         │ incomplete, unproven,             │
 *     │                 │ answer in time        │ stopped: back-off                 │
 *     └─────────────────┴───────────────────────┴───────────────────────────────────┘
 *
 * A row that cannot be built goes to quarantine and the rest is built without it. Nothing in here
 * can lose an edit: the log checks what it publishes and deletes only what that stands for.
 */
import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import { LogError } from '../log/errors.js'
import type { Log, RipeDocument } from '../log/port.js'
import type { SnapshotBuilder } from './builder-port.js'
import {
  compactDocument,
  defaultCompactorPolicy,
  type CompactionReport,
  type CompactionStep,
  type CompactionSubject,
  type CompactorPolicy,
} from './compact-document.js'

export interface CompactorOptions {
  readonly log: Log
  readonly builder: SnapshotBuilder
  readonly clock: Clock
  readonly logger: Logger
  /**
   * Asks a caught-up peer whether it holds the document, if there is one to ask; settles when it
   * has answered or its deadline is over. The answer only finds peers that are out of step: the
   * compaction goes on by itself. Absent: nobody is asked.
   */
  readonly ask?: (document: RipeDocument) => Promise<void>
  readonly policy?: Partial<CompactorPolicy>
}

export interface Compactor {
  /** What it is doing now, for statistics. */
  readonly state: CompactorState
  /** Begins to look after the log by itself. */
  start(): void
  /** Compacts one document now, whether ripe or not, after the one under way. */
  compact(collection: CollectionName, document: DocumentRef): Promise<CompactionReport>
  /** Looks for ripe documents now and compacts them all; what it did, in order. */
  compactRipe(): Promise<readonly CompactionReport[]>
  onReport(listener: (report: CompactionReport) => void): Undo
  /** Stops after the step under way. The builder ends with it. Idempotent. */
  close(): Promise<void>
}

export type CompactorState =
  | { readonly doing: 'idle' }
  | ({ readonly doing: 'asking' | CompactionStep } & CompactionSubject)

export function createCompactor(options: CompactorOptions): Compactor {
  return new LogCompactor(options)
}

class LogCompactor implements Compactor {
  readonly #options: CompactorOptions
  readonly #policy: CompactorPolicy
  readonly #listeners = new Set<(report: CompactionReport) => void>()
  #state: CompactorState = { doing: 'idle' }
  /** The last of the chained compactions: the next one waits for it. */
  #tail: Promise<unknown> = Promise.resolve()
  #undoStart: Undo[] = []
  /** The armed look at what is ripe; at most one. */
  #wake: Undo | undefined
  /** Whether that look was brought forward by a commit. */
  #wokenSoon = false
  #closed = false

  constructor(options: CompactorOptions) {
    this.#options = options
    this.#policy = { ...defaultCompactorPolicy, ...options.policy }
  }

  get state(): CompactorState {
    return this.#state
  }

  start(): void {
    if (this.#closed || this.#undoStart.length > 0) return
    this.#undoStart.push(this.#options.log.onCommit(() => this.#wakeIn('soon')))
    this.#wakeIn('soon')
  }

  compact(collection: CollectionName, document: DocumentRef): Promise<CompactionReport> {
    return this.#inTurn(() => this.#compactNow({ collection, document }))
  }

  compactRipe(): Promise<readonly CompactionReport[]> {
    return this.#inTurn(() => this.#compactRipeNow())
  }

  onReport(listener: (report: CompactionReport) => void): Undo {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const undo of this.#undoStart.splice(0)) undo()
    this.#wake?.()
    await this.#options.builder.close()
    await this.#tail
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(run)
    // Whoever asked gets the failure; the next in turn must not.
    this.#tail = result.catch(() => undefined)
    return result
  }

  #wakeIn(when: 'soon' | 'later'): void {
    if (this.#closed || (when === 'soon' && this.#wokenSoon)) return
    this.#wake?.()
    this.#wokenSoon = when === 'soon'
    const { wakeAfterCommitMs, wakeEveryMs } = this.#policy
    this.#wake = this.#options.clock.after(
      when === 'soon' ? wakeAfterCommitMs : wakeEveryMs,
      () => {
        this.#wokenSoon = false
        void this.#lookAround()
      },
    )
  }

  async #lookAround(): Promise<void> {
    try {
      await this.compactRipe()
    } catch (error) {
      if (this.#closed) return
      // Storage that fails is the log's to report; the next turn finds out whether it still does.
      this.#options.logger.error('looking for ripe documents failed', { error: String(error) })
    }
    if (!this.#wokenSoon) this.#wakeIn('later')
  }

  async #compactRipeNow(): Promise<readonly CompactionReport[]> {
    const reports: CompactionReport[] = []
    const { log, ask } = this.#options
    while (!this.#closed) {
      const [ripe] = await log.compaction.ripe(1)
      if (ripe === undefined) break
      if (ask !== undefined && !ripe.gapped) {
        this.#state = { doing: 'asking', collection: ripe.collection, document: ripe.document }
        await ask(ripe)
      }
      const { collection, document } = ripe
      reports.push(await this.#compactNow({ collection, document }))
    }
    return reports
  }

  async #compactNow(subject: CompactionSubject): Promise<CompactionReport> {
    const { log } = this.#options
    const { collection, document } = subject
    let report: CompactionReport
    try {
      report = await compactDocument(subject, {
        ...this.#options,
        policy: this.#policy,
        enter: (doing) => {
          this.#state = { doing, ...subject }
        },
        isClosed: () => this.#closed,
      })
    } catch (error) {
      if (error instanceof LogError && error.code === 'closed') throw error
      report = { status: 'failed', collection, document, reason: String(error) }
    } finally {
      this.#state = { doing: 'idle' }
    }
    // The log says so to the operator, and lets the document wait.
    if (report.status === 'failed' && !this.#closed) {
      await log.compaction.failed(collection, document, report.reason)
    }
    for (const listener of this.#listeners) listener(report)
    return report
  }
}
