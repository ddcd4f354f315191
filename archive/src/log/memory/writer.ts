import { LogError } from '../errors.js'

/**
 * Makes a group durable: calls `persist` at the moment at which it is, and resolves when that may be
 * answered. Rejects if it could not; then it is in doubt whether the group is durable, unless
 * `persist` was never called.
 */
export type Sync = (persist: () => void) => Promise<void>

/** What a job wants to change, and what it answers once that is durable. */
export interface Plan<T> {
  readonly changes: readonly (() => void)[]
  /** Looked at after the whole group has been prepared. */
  readonly answer: T
}

export interface WriterOptions {
  readonly sync: Sync
  /** Whether the disk is still ours. */
  readonly holdsDisk: () => boolean
  /** The group is complete: what it changes besides. */
  readonly complete: () => readonly (() => void)[]
  /** The group is durable, and nobody has been answered yet. */
  readonly durable: () => void
  /** The group is not to be counted upon. */
  readonly failed: () => void
}

/**
 * One transaction after the other. All that comes while one is being made durable goes into the
 * next together; what has to see everything before it as durable goes alone.
 *
 *     enqueue ──► prepare all ──► complete ──► sync ──► durable ──► answer all
 *                     └─ throws ─────┴───────────┴─────► failed ──► reject all
 */
export class Writer {
  readonly #options: WriterOptions
  #queue: Job[] = []
  #running: Promise<void> | undefined

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Joins whatever group is written next. */
  join<T>(prepare: () => Plan<T>): Promise<T> {
    return this.#enqueue(prepare, false)
  }

  /** A transaction of its own, after all that was enqueued before it is durable. */
  alone<T>(prepare: () => Plan<T>): Promise<T> {
    return this.#enqueue(prepare, true)
  }

  /** Resolves when nothing is enqueued or under way. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  #enqueue<T>(prepare: () => Plan<T>, alone: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const job = {
        alone,
        reject,
        prepare: () => {
          const { changes, answer } = prepare()
          return { changes, answer: () => resolve(answer) }
        },
      }
      this.#queue.push(job)
      this.#running ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    // What is called in the same turn belongs together.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#write(this.#takeGroup())
    this.#running = undefined
  }

  #takeGroup(): readonly Job[] {
    const first = this.#queue.findIndex(({ alone }) => alone)
    if (first === 0) return this.#queue.splice(0, 1)
    return this.#queue.splice(0, first < 0 ? this.#queue.length : first)
  }

  async #write(group: readonly Job[]): Promise<void> {
    try {
      const answers = await this.#makeDurable(group)
      this.#options.durable()
      for (const answer of answers) answer()
    } catch (error) {
      this.#options.failed()
      for (const { reject } of group) reject(errorOf(error))
    }
  }

  async #makeDurable(group: readonly Job[]): Promise<readonly (() => void)[]> {
    this.#assertDisk()
    const plans = group.map(({ prepare }) => prepare())
    const changes = [...plans.flatMap(({ changes }) => changes), ...this.#options.complete()]
    if (changes.length > 0) {
      let persisted = false
      await this.#options.sync(() => {
        this.#assertDisk()
        if (!persisted) for (const change of changes) change()
        persisted = true
      })
      this.#assertDisk()
      if (!persisted) throw new LogError('storage-failed', 'the group was not made durable')
    }
    return plans.map(({ answer }) => answer)
  }

  #assertDisk(): void {
    if (!this.#options.holdsDisk()) throw new LogError('closed', 'the disk was taken away')
  }
}

interface Job {
  readonly alone: boolean
  readonly prepare: () => Plan<() => void>
  readonly reject: (error: LogError) => void
}

function errorOf(error: unknown): LogError {
  return error instanceof LogError
    ? error
    : new LogError('storage-failed', 'the group could not be written', { cause: error })
}
