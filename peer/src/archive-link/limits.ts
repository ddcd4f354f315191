/** How patient the connection to an archive is, and how much it keeps, whatever the archive does. */

const KiB = 1_024
const MiB = 1_024 * KiB

export const archiveBounds = {
  /** From the dial to the archive's `hello`: a slow handshake of TLS on a phone, with room. */
  helloWithinMs: 15_000,
  /** What an archive may say before its `hello`: the `hello`, or why not. */
  maxMessageBytesBeforeHello: 64 * KiB,
  /** For the application to come up with a token. */
  tokenWithinMs: 30_000,
  /** Half of what an archive takes from one link, pushes aside: room for what cannot wait. */
  messagesPerSecond: 500,
  messageBurst: 2_000,
  /** From `subscribe` to `subscribed`, from `renew` to `granted`. */
  answerWithinMs: 30_000,
  /** The longest first pause after a failure, and the longest of all. */
  firstRetryMs: 500,
  mostRetryMs: 30_000,
  /** A connection that was of use for so long was a success: the next failure is a first one. */
  stableMs: 10_000,
  /** The longest pause that an archive may ask for. */
  mostAskedPauseMs: 300_000,
  /** Of an asked pause, so much more at random: or all come back in one moment. */
  askedPauseSpread: 0.5,

  /** Ops of one `push`, in bytes: with what stands around them they fit the live lane. */
  maxPushBytes: 48 * KiB,
  maxPushOps: 512,
  /** Pushed and not answered. One op of any size always may. */
  maxInFlightBytes: 1 * MiB,
  maxInFlightOps: 2_048,
  /** Nothing that was pushed is answered for so long: the archive is stuck. A disk may be slow. */
  pushAnswerWithinMs: 120_000,
  /** After `storage-full` and its like. */
  firstPushPauseMs: 1_000,
  mostPushPauseMs: 60_000,
  /**
   * Between two looks at everything that is owed, while the ledger says that there is more: finds
   * what became owed behind the place that was read to.
   */
  lookAgainEveryMs: 5_000,
  /** A gapped op is asked about again so often: its second answer may have been lost. */
  askGappedEveryMs: 60_000,
  maxRememberedGapped: 65_536,
  /** States under way to the archive, and their bytes. One of any size always may. */
  maxOpenUploads: 8,
  maxOpenUploadBytes: 4 * MiB,
  maxUploadTries: 6,

  /** Pages that wait for the store. Beyond it the archive is held back, until so few wait. */
  maxQueuedPageBytes: 2 * MiB,
  fewQueuedPageBytes: 512 * KiB,
  /** What one transaction takes in: queued pages are put together up to here. */
  maxTakenEntries: 4_096,
  maxTakenBytes: 1 * MiB,
  /** Pages that came early in the other lane. */
  maxEarlyPages: 64,
  /** A page that does not connect, and nothing that connects after it: the stream is asked for anew. */
  connectWithinMs: 10_000,
  /** Acks wait for company: each spares the archive only that much of a snapshot. */
  ackWithinMs: 1_000,

  maxOpenFetches: 8,
  fetchWithinMs: 300_000,
  fetchAgainAfterMs: 1_000,
  maxFetchTries: 4,
  /** Times that one page may need something more before it can be taken. */
  maxNeeds: 8,

  /** When nothing of a resync moves for so long, it has failed. A digest of a large document takes. */
  resyncStallMs: 120_000,
  /** States that are asked for and not answered, and summaries: an archive takes 64 questions. */
  maxOpenAsks: 24,
  maxOpenSummaries: 24,
  /** Documents below a node that differs which are told one by one instead of by sixteen digests. */
  maxPageDocuments: 64,
  /** A collection of so many documents is told one by one from the start. */
  maxOpeningPageDocuments: 1_000,
  /** Summaries of the archive that are answered in one resync: no collection needs as many. */
  maxHeardSummaries: 65_536,
  /** Documents that an archive may be asked for in one resync. */
  maxAskedDocuments: 1_048_576,
  /** What an archive says in a resync and waits to be handled: many times what it may have open. */
  maxWaitingMessages: 4_096,
  /** Resyncs in a window that need no pause, and the pauses of those beyond. */
  freeResyncs: 3,
  resyncWindowMs: 600_000,
  firstResyncPauseMs: 15_000,
  mostResyncPauseMs: 600_000,

  /** Documents that the archive asks about or has compacted, and that wait for their turn. */
  maxWaitingHints: 64,
  /** Changes of the neighbours are told together. */
  tellNeighboursWithinMs: 20,
  /** Between two times that progress is told. */
  tellProgressEveryMs: 100,
} as const
