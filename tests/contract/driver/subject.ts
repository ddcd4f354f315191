import type { Driver, DriverEvent } from '@holdfast/client/testing'

/** A database in some place, opened as often as a test likes. */
export interface DriverSubject {
  /** The driver on this subject's database; a call after a close or a crash finds what was there. */
  open(): Promise<Driver>
  /** What outlived the driver that is gone without closing. Absent: nothing can (memory). */
  crash?(): Promise<void>
  /** Opens the same database while the first driver still has it; absent: there is no second place. */
  openElsewhere?(): Promise<Driver>
  close(): Promise<void>
}

export interface DriverContract {
  readonly name: string
  readonly kind: Driver['kind']
  readonly isDurable: boolean
  /**
   * What a second owner does to the first: `takes` it (the first is told and ends), or is `refused`
   * while the first lives.
   */
  readonly secondOwner: 'takes' | 'refused' | 'none'
  /** A subject on an empty database. */
  create(): Promise<DriverSubject>
}

/** Runs `work` on a driver of a fresh subject, and closes both. */
export async function onFresh(
  contract: DriverContract,
  work: (driver: Driver, subject: DriverSubject) => Promise<void>,
): Promise<void> {
  const subject = await contract.create()
  try {
    const driver = await subject.open()
    try {
      await work(driver, subject)
    } finally {
      await driver.close()
    }
  } finally {
    await subject.close()
  }
}

/** Everything that a driver tells from here on. */
export function listenTo(driver: Driver): readonly DriverEvent[] {
  const told: DriverEvent[] = []
  driver.onEvent((event) => told.push(event))
  return told
}

/** What a promise was rejected with; fails when it was not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
    throw new Error(`rejected with ${typeof error}`, { cause: error })
  }
  throw new Error('it was not rejected')
}
