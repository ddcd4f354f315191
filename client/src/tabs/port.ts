import type { Undo } from '@holdfast/peer/ports'

/**
 * What tabs of one app have in common: a lock, a channel on which each hears all others, and what
 * the browser tells a tab about itself. One for each store.
 */
export interface TabsPort {
  /** Asks for the lock, behind all who asked before. */
  request(): LockRequest
  /** Takes the lock from whoever has it: that one hears `lost`, when it can hear again. */
  steal(): Promise<HeldLock>
  /** What this tab posts, all others hear, in order. Who is frozen hears it when it thaws. */
  openChannel(hear: (message: unknown) => void): TabChannel
  onLife(listener: (life: TabLife) => void): Undo
}

export interface LockRequest {
  /** Never resolves after `withdraw`. */
  readonly granted: Promise<HeldLock>
  withdraw(): void
}

export interface HeldLock {
  /** Somebody has stolen it. Never, when it was released. */
  readonly lost: Promise<void>
  /** Idempotent. */
  release(): void
}

export interface TabChannel {
  /** Bytes are copied. */
  post(message: unknown): void
  close(): void
}

export type TabLife =
  | 'visible'
  | 'hidden'
  /** Nothing runs any more from the end of this turn on, perhaps for ever. */
  | 'frozen'
  /** It runs again. */
  | 'resumed'
  /** The page goes away; it may come back as it was. */
  | 'left'
  | 'back'
  /** The network is back. */
  | 'online'
