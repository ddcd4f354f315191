import type { Undo } from './clock.js'

/** What carries the frames: for statistics and choice of path, never for behaviour. */
export type LinkKind = 'webrtc' | 'websocket' | 'relay' | 'port' | 'simulated'

/** Why a link ended. */
export interface LinkClosed {
  /**
   * `local`: this side called `close`. `remote`: the other side did. `failed`: neither; the pipe
   * broke. A platform that cannot tell the last two apart says `failed`.
   */
  readonly by: 'local' | 'remote' | 'failed'
  /** One line for logs. Not part of the contract. */
  readonly reason: string
}

/**
 * Bytes of frames that a link keeps while nobody listens. Whoever listens late still gets all that
 * a well-behaved sender gives before it hears an acknowledgement (1 MiB, the largest window);
 * beyond that the link closes as `failed`, for keeping more would be memory for strangers.
 */
export const maxUnheardBytes = 2 * 1024 * 1024

/**
 * A pipe of frames between two participants. Usable from the moment one has it: frames sent before
 * the pipe stands wait for it.
 *
 * Guarantees, checked for each implementation by the contract suite `describeLink`:
 * - **Frames.** A frame arrives whole, unchanged, at most once, and in the order of sending; or
 *   not at all. An empty frame is a frame. Loss in the middle is possible (some channels that call
 *   themselves reliable do it), so the frame layer above numbers frames and tears such a link down.
 * - **Ownership.** The caller of `send` gives the bytes away and must not change them afterwards;
 *   only the bytes of the view are sent, never the rest of its buffer. A received frame belongs to
 *   the listener.
 * - **No surprise calls.** No listener runs inside a call of `send`, `close`, `onFrame` or
 *   `onClose`: what they cause is heard in a later turn.
 * - **Sending never throws.** On a closed link `send` does nothing. A frame larger than
 *   `maxFrameBytes` closes the link as `failed`.
 * - **Late listeners.** Frames that arrive while there is no `onFrame` listener are kept, up to
 *   `maxUnheardBytes`, and handed in order to the next one.
 * - **Closing.** `onClose` fires exactly once for each listener, also for those added after the
 *   close, and no frame follows it. After a call of `close` no frame is handed out any more, and
 *   the first reason stays. Both sides learn of it, unless the path between them is gone.
 * - `close` is idempotent. What was already sent may still arrive; who needs certainty waits for
 *   the other side's acknowledgement first.
 */
export interface Link {
  readonly kind: LinkKind
  /** Largest frame that `send` takes, in bytes. */
  readonly maxFrameBytes: number
  /** Bytes given to `send` that have not left this process yet, as far as the platform tells. */
  readonly bufferedBytes: number
  send(frame: Uint8Array): void
  /**
   * As `send`, of a frame whose two halves lie apart. Where a link has it, a large document goes to
   * many without a copy for each: the second half may be waiting on other links, too.
   */
  sendInTwo?(head: Uint8Array, body: Uint8Array): void
  onFrame(listener: (frame: Uint8Array) => void): Undo
  onClose(listener: (closed: LinkClosed) => void): Undo
  close(reason?: string): void
}
