/**
 * What no message and no frame may exceed, in either direction. A participant's own limits, which it
 * tells in its `hello`, may be lower, never higher.
 */

const KiB = 1_024
const MiB = 1_024 * KiB

export const messageBounds = {
  /**
   * Bytes of one message in the live lane; a larger one goes in the bulk lane. At 20 Mbit/s the next
   * keystroke waits 26 ms behind it.
   */
  maxLiveBytes: 64 * KiB,
  /** Bytes of one message: an update of the largest size, and what stands around it. */
  maxBytes: 73 * MiB,
  /** Bytes of one Yjs update: a document of 64 MiB with an eighth to spare for its difference. */
  maxUpdateBytes: 72 * MiB,
  /** Bytes of a state vector. Each client that ever wrote costs about 8: room for 130,000. */
  maxStateVectorBytes: 1 * MiB,
  /** Bytes of a Yjs snapshot (state vector and delete set); 70 KB were seen for 1.75 MB of document. */
  maxSnapshotBytes: 16 * MiB,
  /** Bytes of one awareness update. It always fits the live lane. */
  maxPresenceBytes: 32 * KiB,
  /** Bytes of a token: a JWT with an RSA signature and many globs. */
  maxTokenBytes: 8 * KiB,
  /** Cursors in a `hello`: one for each archive that a replica follows. */
  maxCursors: 32,
  /** Instances in `neighbours`: four times the degree of the mesh. Positions fit 32 bits. */
  maxNeighbours: 32,
  /** Op ids in one `announce`, `want` or `saved`. With an instance each they fit the live lane. */
  maxOps: 1_024,
  /** Ops in one `push`, and so answers in one `committed` or `refused`. */
  maxPushedOps: 1_024,
  /** Documents in one page of a summary, or in an offer. */
  maxDocuments: 1_024,
  /** Documents that one `viewing` opens, and that it closes. Both lists fit the live lane. */
  maxViewed: 96,
  /** Nodes in one level of a digest tree: two levels of sixteen. */
  maxTreeNodes: 256,
  /** Hex digits that name a node of the digest tree: 64 bits keep any two documents apart. */
  maxPrefixDigits: 16,
  /** Entries in one page of the stream. */
  maxEntries: 4_096,
  /** Updates that one snapshot carries beside it because they do not integrate. */
  maxParked: 1_024,
  /** Ranges of missing ids in one `missing`. */
  maxRanges: 1_024,
  /** A delay is a timer sooner or later, and no platform's timer takes a longer one (24.8 days). */
  maxDelayMs: 2 ** 31 - 1,
} as const

export const frameBounds = {
  /**
   * What everybody takes in, so what is sent before the other side's `hello` has said more: small
   * enough that a keystroke never waits long behind one piece of something else.
   */
  defaultMaxBytes: 16 * KiB,
  /** No link may carry less in a frame: headers would outweigh what they lead. */
  minMaxBytes: 1 * KiB,
  /** Four times below the size at which data channels close without a word. */
  maxBytes: 64 * KiB,
  /**
   * Messages that share a frame. More would not be cheaper, and each costs the receiver some 200
   * bytes of bookkeeping, whatever its size.
   */
  maxMessages: 256,
  /** Between two pieces of one message, before it is given up. Bulk never starves that long. */
  stallMs: 30_000,
  /**
   * Full frames of live data that may pass while bulk data waits; then one frame of bulk goes. So
   * bulk keeps a fifth of a saturated link, and live data waits for one frame in five.
   */
  liveFramesPerBulkFrame: 4,
} as const
