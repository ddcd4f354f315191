/**
 * Every binary message of the protocol: its number, who says it, its lane, its fields in the order in
 * which they stand on the wire. What writes it, what reads it, its type, its bounds and its row in
 * docs/PROTOCOL.md come from here; that page also has each one in bytes.
 */
import { messageBounds as bounds, frameBounds } from '../limits.js'
import { boolean, byte, bytesUpTo, oneOf, uint, uintBetween } from '../wire/codec.js'
import { listOf, optional, struct, tagged, type Fields } from '../wire/compose.js'
import {
  archive,
  code,
  collection,
  credential,
  cursor,
  delayMs,
  digest,
  document,
  grant,
  held,
  instance,
  op,
  parked,
  positions,
  prefix,
  replica,
  snapshot,
  stateVector,
  term,
  update,
} from './fields.js'
import { page } from './page.js'

/**
 * Who may say it. An archive that follows another one is its peer; a tab that owns the store passes
 * on to the tabs that follow it what the archive says.
 */
export type Speaker = 'either' | 'peer' | 'archive'

/** `size`: live up to `maxLiveBytes`, else bulk; and bulk whenever it carries states, not ops. */
export type LaneRule = 'live' | 'bulk' | 'size'

export const messageTable = {
  // Every link -----------------------------------------------------------------------------------

  /** The first message in each direction. Its number and its first field never change. */
  hello: message(0x01, 'either', 'live', {
    /** The highest version that the speaker knows. The link speaks the lower of the two. */
    version: byte,
    sender: tagged('role', {
      peer: [0, { replica }],
      /** An archive answers only who has shown that it may be here: its `hello` is the proof. */
      archive: [1, { archive, term, grant }],
    }),
    /** This run of the speaker. */
    instance,
    collection,
    credential,
    /** Longest frame and longest message that the speaker takes in. */
    maxFrameBytes: uintBetween(frameBounds.defaultMaxBytes, frameBounds.maxBytes),
    maxMessageBytes: uintBetween(bounds.maxLiveBytes, bounds.maxBytes),
    /** One for each archive that the speaker follows. */
    cursors: listOf(cursor, bounds.maxCursors),
  }),
  /** A new credential on a standing link, before the old one ends. */
  renew: message(0x02, 'either', 'live', { credential }),
  /** The answer to `renew`; and said unasked when what the hearer may do has changed. */
  granted: message(0x03, 'either', 'live', { grant }),
  /** The last message: the link closes on purpose. No code: nothing is wrong. */
  bye: message(0x04, 'either', 'live', {
    code: optional(code),
    retryAfterMs: optional(delayMs),
  }),
  /** Asks for a `pong`, and promises to be heard again in time: longer for a hidden tab. */
  ping: message(0x05, 'either', 'live', { nonce: uint, nextWithinMs: delayMs }),
  pong: message(0x06, 'either', 'live', { nonce: uint }),
  /** Something that the hearer said, or is owed, goes wrong. The link stays. */
  error: message(0x07, 'either', 'live', {
    code,
    /** The number of the message that it is about, as it stands on the wire. */
    message: optional(byte),
    /** The request or subscription that it is about. */
    request: optional(uint),
    document: optional(document),
    retryAfterMs: optional(delayMs),
  }),

  // Between peers; and with an archive, to resync ------------------------------------------------

  /**
   * What may differ. Each is answered by the `state` of every document that the hearer finds to
   * differ (for a tree: by the summaries of the nodes that differ), then by `compared`.
   */
  summary: message(0x10, 'either', 'bulk', {
    request: uint,
    by: tagged('kind', {
      /** Where both follow one archive: what the archive does not yet say for the speaker. */
      cursor: [0, { cursor, dirty: listOf(held, bounds.maxDocuments), more: boolean }],
      /** All that the speaker holds under a prefix. */
      page: [1, { under: prefix, documents: listOf(held, bounds.maxDocuments) }],
      /** Digests over the digests of all that it holds under each prefix. */
      tree: [2, { nodes: listOf(struct({ under: prefix, digest }), bounds.maxTreeNodes) }],
    }),
  }),
  /** All answers to that summary have been said. None differing: the two are equal there. */
  compared: message(0x11, 'either', 'bulk', { request: uint, differing: uint }),
  /** "Send me what I lack of this document." Answered by one `update`, or an `error`. */
  state: message(0x12, 'either', 'bulk', {
    request: uint,
    document,
    stateVector,
    /** Absent: nothing of it is held, or it is not whole. */
    digest: optional(digest),
    /** The answer to the hearer's own `state`: it asks for an update and for no `state` in return. */
    inReturn: boolean,
  }),
  /** Edits of a document: an op, in the words of its author, or the answer to a `state`. */
  update: message(0x13, 'either', 'size', {
    document,
    cause: tagged('kind', { op: [0, { op }], state: [1, { request: uint }] }),
    bytes: update,
  }),
  /** "I hold these ops; ask if you lack them." Takes the place of `update` on links off the tree. */
  announce: message(0x14, 'peer', 'live', { ops: listOf(op, bounds.maxOps) }),
  /** "Send me these." */
  want: message(0x15, 'peer', 'live', { ops: listOf(op, bounds.maxOps) }),
  /** How the speaker wants to hear of new ops on this link from now on. */
  spread: message(0x16, 'peer', 'live', { how: oneOf({ whole: 0, announced: 1 }) }),
  /** This generation of the document has ended, by this op. */
  tombstone: message(0x17, 'peer', 'live', { op, document }),
  /** An awareness update, of the collection or of one document. Empty: all of `from` is gone. */
  presence: message(0x18, 'either', 'live', {
    document: optional(document),
    /** Whose it is, where the speaker only passes it on. */
    from: optional(instance),
    bytes: bytesUpTo(bounds.maxPresenceBytes),
  }),
  /** Documents that are open at the speaker, whose presence it wants from now on, or no more. */
  viewing: message(0x19, 'peer', 'live', {
    opened: listOf(document, bounds.maxViewed),
    closed: listOf(document, bounds.maxViewed),
  }),
  /** Whom the speaker has a direct link to, in place of what it said before. */
  neighbours: message(0x1a, 'peer', 'live', {
    /** Raised each time, so that `push` can say which list its positions are of. */
    list: uint,
    instances: listOf(instance, bounds.maxNeighbours),
  }),
  /** From the tab that owns the store: these ops of yours are durable here. */
  saved: message(0x1b, 'peer', 'live', { ops: listOf(op, bounds.maxOps) }),

  // To and from an archive -----------------------------------------------------------------------

  push: message(0x20, 'peer', 'size', {
    /** The neighbours that the ops have reached already: those are sent their places alone. */
    reached: optional(struct({ list: uint, neighbours: positions })),
    ops: listOf(
      tagged('kind', {
        /** One change, in the words of the one who made it. */
        live: [0, { op, document, bytes: update }],
        /** What the archive may lack, from any holder, in whatever form. */
        upload: [1, { op, document, bytes: update }],
        /** Ends this generation of the document. */
        tombstone: [2, { op, document }],
      }),
      bounds.maxPushedOps,
    ),
  }),
  /** These ops are on disk. Said again, without the gap, when one that was gapped is whole. */
  committed: message(0x21, 'archive', 'live', {
    term,
    results: listOf(
      tagged('outcome', {
        stored: [0, { op, seq: uint, gapped: boolean }],
        /** The log held all of it before; nothing was added. */
        contained: [1, { op, gapped: boolean }],
      }),
      bounds.maxPushedOps,
    ),
  }),
  refused: message(0x22, 'archive', 'live', {
    results: listOf(struct({ op, code }), bounds.maxPushedOps),
    retryAfterMs: optional(delayMs),
  }),
  /** Asks for the stream from a cursor; without one, from the start. Ends the subscription before it. */
  subscribe: message(0x23, 'peer', 'live', {
    /** Ascending on one link. What belongs to an earlier one is told by it, and dropped. */
    subscription: uint,
    cursor: optional(cursor),
  }),
  subscribed: message(0x24, 'archive', 'live', {
    subscription: uint,
    outcome: oneOf({ behind: 0, head: 1, ahead: 2, 'unknown-term': 3 }),
    /** The numbering of all pages of this subscription: cursors that they move take this term. */
    archive,
    term,
    head: uint,
    /** About how much the stream will send to reach the head; 0 where that is not known. */
    aboutBytes: uint,
  }),
  changes: message(0x25, 'archive', 'size', {
    subscription: uint,
    page,
    /** "This document wants compacting: say what you hold of it" (`hint`). */
    compact: optional(document),
  }),
  /** Everything up to seq is durable here. */
  ack: message(0x26, 'peer', 'live', { subscription: uint, seq: uint }),
  /** "I hold this document up to seq of your log: here is my snapshot of it." */
  hint: message(0x27, 'peer', 'size', { document, seq: uint, snapshot }),
  compacted: message(0x28, 'archive', 'live', {
    document,
    /** The seq of the snapshot. */
    through: uint,
    /** Rows that it made needless: deleted, and kept for those who are not past them yet. */
    removed: uint,
    retained: uint,
  }),
  fetch: message(0x29, 'peer', 'size', {
    request: uint,
    what: tagged('by', {
      /** The entry of a place that is not held. */
      seq: [0, { seq: uint }],
      /** What this state lacks. */
      difference: [1, { document, stateVector }],
    }),
  }),
  fetched: message(0x2a, 'archive', 'bulk', {
    request: uint,
    /** The content holds everything of its document up to here. */
    seq: uint,
    content: tagged('kind', {
      row: [0, { document, op: optional(op), bytes: update }],
      snapshot: [1, { document, bytes: update, parked }],
      difference: [2, { document, bytes: update, parked }],
      tombstone: [3, { document }],
    }),
  }),
  /** A gap: the log refers to these ids of a document and does not hold them. Answered by `push`. */
  missing: message(0x2b, 'archive', 'live', {
    document,
    ranges: listOf(struct({ client: uint, clock: uint, length: uint }), bounds.maxRanges),
  }),
  /** The end of a resync: all up to the head of `subscribed` is durable here, and uploaded. */
  resynced: message(0x2c, 'peer', 'live', { subscription: uint, seq: uint }),
  /** What a reader without the right to write could give. A later `state` of one of them accepts. */
  offer: message(0x2d, 'peer', 'bulk', {
    documents: listOf(struct({ document, bytes: uint }), bounds.maxDocuments),
  }),
} as const

interface MessageDefinition<F extends Fields = Fields> {
  readonly number: number
  readonly speaker: Speaker
  readonly lane: LaneRule
  readonly fields: F
}

function message<const F extends Fields>(
  number: number,
  speaker: Speaker,
  lane: LaneRule,
  fields: F,
): MessageDefinition<F> {
  return { number, speaker, lane, fields }
}
