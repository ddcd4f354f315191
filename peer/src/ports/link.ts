import type { Undo } from './clock.js'

/** What carries the frames: for statistics and choice of path, never for behaviour. */
export type LinkKind = 'webrtc' | 'websocket' | 'relay' | 'port' | 'simulated'

/** Why a link ended. */
export interface LinkClosed {
  /** `local`: this side called `close`. `remote`: the other side did. `failed`: neither; the pipe broke. */
  readonly by: 'local' | 'remote' | 'failed'
  /** One line for logs. Not part of the contract. */
  readonly reason: string
}

/**
 * A pipe of frames between two participants.
 *
 * Guarantees, checked for each implementation by `describeLink`:
 * - A frame arrives whole, at most once, unchanged, and in the order of sending; or not at all.
 *   Loss in the middle is possible (some channels that call themselves reliable do it), so the
 *   frame layer above numbers frames and tears such a link down.
 * - `send` copies or transfers nothing that it may not: the caller gives the bytes away and must
 *   not change them afterwards. A received frame belongs to the listener.
 * - `send` never throws. On a closed link it does nothing.
 * - Frames that arrive before the first `onFrame` listener are kept (bounded) and handed to it.
 * - `onClose` fires exactly once, also for listeners added after the close; no frame follows it.
 * - `close` is idempotent. What was already sent may still arrive; who needs certainty waits for
 *   the other side's acknowledgement first.
 */
export interface Link {
  readonly kind: LinkKind
  /** Largest frame that `send` takes, in bytes. A larger one closes the link as `failed`. */
  readonly maxFrameBytes: number
  /** Bytes given to `send` that have not left this process yet, as far as the platform tells. */
  readonly bufferedBytes: number
  send(frame: Uint8Array): void
  onFrame(listener: (frame: Uint8Array) => void): Undo
  onClose(listener: (closed: LinkClosed) => void): Undo
  close(reason?: string): void
}
