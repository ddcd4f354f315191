/** What the y-websocket path holds everybody to. */
export interface YWebsocketLimits {
  /** Bytes of one message of a writer: an update of the log's largest size. Beyond: `too-large`. */
  readonly maxMessageBytes: number
  /** Bytes of one message of a reader, who has a state vector and presence to tell, no more. */
  readonly maxReaderMessageBytes: number
  /** Messages a second that are read from one socket for long, and at once after a pause. */
  readonly messagesPerSecond: number
  readonly messageBurst: number
  /** Bytes of updates that wait for the log before the socket is not read any more. */
  readonly maxPendingBytes: number
  /** Bytes that wait for a reader before it gets nothing until they are gone. */
  readonly maxBufferedBytes: number
  /** Bytes of whole states that wait in all sockets together before the next one is read. */
  readonly maxStateBytes: number
  /** A reader has so long to take what waits for it, and a second more for so many bytes. */
  readonly slowReaderMs: number
  readonly slowReaderBytesPerSecond: number
  /** Clients that show presence in one document, and what they may show together. */
  readonly maxPresences: number
  readonly maxPresenceBytes: number
  /** What one socket shows may be told to so many others a second, and at once. Beyond: not told. */
  readonly presenceDeliveriesPerSecond: number
  readonly presenceDeliveriesBurst: number
  /** Sockets of one document. */
  readonly maxSocketsPerDocument: number
  /** Of silence until a socket is closed. At half of it, it is asked. */
  readonly idleMs: number
  /** After so long without a word the client is told something: it waits for 30 s. */
  readonly keepAliveMs: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const defaultYWebsocketLimits: YWebsocketLimits = {
  // What is around an update takes less than a kibibyte.
  maxMessageBytes: 64 * MiB + KiB,
  maxReaderMessageBytes: 2 * MiB,
  // Its client sends every presence that it hears of back: others who move theirs make it talk.
  messagesPerSecond: 500,
  messageBurst: 5_000,
  // A second of a fast line.
  maxPendingBytes: 8 * MiB,
  maxBufferedBytes: MiB,
  maxStateBytes: 128 * MiB,
  slowReaderMs: 30_000,
  slowReaderBytesPerSecond: 16 * KiB,
  maxPresences: 1_024,
  maxPresenceBytes: MiB,
  // As for peers: thirty moves a second before three hundred viewers.
  presenceDeliveriesPerSecond: 10_000,
  presenceDeliveriesBurst: 20_000,
  // As many as a signaller's room has peers.
  maxSocketsPerDocument: 1_000,
  idleMs: 60_000,
  // Two of its words fit before the client gives up.
  keepAliveMs: 12_000,
}

/** The defaults with `given` on top. Throws a RangeError that names the limit which cannot hold. */
export function yWebsocketLimits(given: Partial<YWebsocketLimits> = {}): YWebsocketLimits {
  const limits = { ...defaultYWebsocketLimits, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${name} takes a whole number from 1, got ${value}`)
    }
  }
  return limits
}
