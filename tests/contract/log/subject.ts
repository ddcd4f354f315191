import type { Log, LogPolicy } from '@holdfast/archive'

/** One log of its own, on storage of its own, with what a test does to it from outside. */
export interface LogSubject {
  /** The log that is open: another one after each reopening. */
  readonly log: Log
  /** Lets time pass, as the log sees it. */
  advance(ms: number): void | Promise<void>
  /** Closes the log and opens it again. */
  reopen(): Promise<void>
  /** The process dies: what is not durable is gone. Then opens again. */
  crash(): Promise<void>
  /** A copy of what is durable now. */
  backup(): Promise<LogBackup>
  /** Closes the log, puts a copy in the place of what it had stored, and opens that. */
  restore(backup: LogBackup): Promise<void>
  /** Opens the same storage once more while it is open. */
  openSecond(): Promise<Log>
  /** Closes the log and gives back everything that the setup took. */
  close(): Promise<void>

  /** From now on nothing becomes durable, until it is let go. */
  readonly hold?: () => HeldGroups
  /** The next group fails in storage. */
  readonly failNext?: (code: 'storage-full' | 'storage-failed') => void
  /** Flips letters in what is stored. */
  readonly damage?: Damage
}

/** What only the setup knows how to use. */
export type LogBackup = unknown

export interface HeldGroups {
  /** Resolves when a group waits to become durable. */
  readonly waiting: Promise<void>
  release(): void
}

interface Damage {
  row(collection: string, document: string, seq: number): Promise<void>
  newestSnapshot(collection: string, document: string): Promise<void>
}

export interface LogContract {
  /** For the titles: whose log this is. */
  readonly kind: string
  readonly setup: (policy?: Partial<LogPolicy>) => Promise<LogSubject>
  /** Whether its subjects have `hold`, `failNext` and `damage`. */
  readonly canHold?: boolean
  readonly canFail?: boolean
  readonly canDamage?: boolean
}

/** Runs a check on a subject of its own, and closes that whatever happens. */
export function onLog(
  { setup }: LogContract,
  check: (subject: LogSubject) => Promise<void>,
  policy?: Partial<LogPolicy>,
): () => Promise<void> {
  return async () => {
    const subject = await setup(policy)
    try {
      await check(subject)
    } finally {
      await subject.close()
    }
  }
}
