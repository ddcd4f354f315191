/** When the client half loses patience, and how much it keeps. Milliseconds, unless it says otherwise. */
export interface SignallingClientLimits {
  /** From the dial to an open connection. */
  readonly dialMs: number
  /** From a join or renewal to its answer. */
  readonly answerMs: number
  /** For the application to come up with a token. */
  readonly tokenMs: number
  /** Of silence, after which this side asks with a ping. The server's own idle time may shorten it. */
  readonly quietMs: number
  /** From that ping to any message. */
  readonly pongMs: number
  /** A connection or membership that lasted so long was a success: the next failure is a first one. */
  readonly stableMs: number
  /** The longest first pause after a failure, and the longest of all. */
  readonly firstRetryMs: number
  readonly mostRetryMs: number
  /** The longest pause that a server may ask for. */
  readonly mostAskedPauseMs: number
  /** After a return, how long a standing neighbour may go unnamed before it is reported. */
  readonly confirmMs: number
  /** How long an own earlier connection may still hold this instance's place at the server. */
  readonly ghostMs: number
  /** From asking for a relay to having it. */
  readonly relayMs: number

  /** Signals that wait for the connection, each collection. Beyond: the oldest is dropped. */
  readonly maxUnsentSignals: number
  /** A signal that waited longer than this is dropped. */
  readonly maxSignalAgeMs: number
  /** Neighbours that a server can name, each collection. Beyond: not heard. */
  readonly maxNeighbours: number
  /** Rooms that a server can name to a watch. Beyond: not heard. */
  readonly maxWatchedRooms: number
  readonly maxRelays: number
  /** Bytes that wait in one relay for its window. Beyond: the relay fails. */
  readonly maxRelayQueueBytes: number
}

export const defaultSignallingClientLimits: SignallingClientLimits = {
  dialMs: 10_000,
  answerMs: 15_000,
  tokenMs: 30_000,
  // Below the minute after which proxies cut connections that carry nothing.
  quietMs: 25_000,
  pongMs: 10_000,
  stableMs: 10_000,
  // A crowd of a hundred comes apart to one in ten milliseconds, and nobody feels the second.
  firstRetryMs: 1_000,
  mostRetryMs: 30_000,
  mostAskedPauseMs: 60_000,
  // Twice as long as the server waits for those who are named to come back themselves.
  confirmMs: 10_000,
  // Three times the silence after which a server gives a connection up.
  ghostMs: 180_000,
  relayMs: 15_000,

  // A handshake takes about ten; four at a time for everything that runs at once.
  maxUnsentSignals: 256,
  // The other side's handshake has run into its deadline by then.
  maxSignalAgeMs: 10_000,
  // Only an archive has more than a dozen: it is linked with the whole room.
  maxNeighbours: 4_096,
  // As many as a server has, unless it was told otherwise.
  maxWatchedRooms: 20_000,
  maxRelays: 16,
  // Links stop at a window of 1 MiB of their own.
  maxRelayQueueBytes: 8 * 1024 * 1024,
}
