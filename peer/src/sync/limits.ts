/** What the engine holds, waits and remembers at most, whatever the others do. */

const MiB = 1_024 * 1_024

export const syncBounds = {
  /** An edit leaves at once; while more follow, at most one op a document leaves in this time. */
  gatherMs: 20,
  /** From the first frame to the other side's `hello`. */
  helloWithinMs: 10_000,
  /** What one may say before its `hello` was believed. */
  maxBytesBeforeHello: 65_536,
  /** Between two comparisons of a link that nothing else brought about: jittered over this range. */
  compareEveryMinMs: 10_000,
  compareEveryMaxMs: 30_000,
  /** Comparisons by number between two that go by digest: numbers are believed, digests seen. */
  comparisonsByNumber: 7,
  /**
   * The side with the higher instance waits so long for the summary of the other, which usually
   * shows both of them what differs.
   */
  secondSummaryAfterMs: 1_500,
  /** When a link opens, so many documents are told one by one; more begin with a digest tree. */
  maxOpeningPageDocuments: 1_000,
  /** Documents below a node that differs that are told one by one instead of by sixteen digests. */
  maxPageDocuments: 64,
  /** A periodic comparison of more documents than this starts with one digest over all of them. */
  maxUnaskedPageDocuments: 8,
  /** States asked for and not answered, a link. What waits beyond them is a list of names. */
  maxOpenAsks: 64,
  /** Questions, a link, that wait until fewer are open: names of documents, each a closure. */
  maxWaitingQuestions: 262_144,
  /** Messages of one neighbour that wait to be handled, and their bytes. */
  maxInboxMessages: 4_096,
  maxInboxBytes: 160 * MiB,
  /** Answers that one neighbour may have waiting: twice what an honest one asks for at once. */
  maxOpenAnswers: 512,
  /** A state that is not answered in this time is not coming: a large document is under way. */
  answerWithinMs: 300_000,
  /** A document that still differs is looked at again after this, then twice this … */
  lookAgainAfterMs: 200,
  /** … so many times; then only when the link is compared as a whole. */
  maxLooks: 5,
  /** What is missing of a document is asked for after this, then twice this, to this at most. */
  askGapAfterMs: 60,
  askGapAtMostEveryMs: 60_000,
  /** What states of one neighbour have brought is told to others after this, for more may follow. */
  tellBroughtAfterMs: 30,
  /** Documents that are told so one by one; for more the links are compared as a whole. */
  maxBroughtDocuments: 64,
  /** Whoever has reason to compare a link now waits until the last such reason is so long past. */
  compareSoonEveryMs: 2_000,
  /** Documents with a gap that are asked for at a time; the rest wait for the next comparison. */
  maxGaps: 1_024,
  /** Ops that have been seen are told apart from new ones for so many, and so long. */
  maxRememberedOps: 16_384,
  rememberOpsMs: 120_000,
  /** Bytes of remembered ops, for those who `want` them. */
  maxRememberedBytes: 4 * MiB,
  /** Announcements wait for company. */
  announceWithinMs: 30,
  /** An announced op has this long to come another way before it is wanted, … */
  wantAfterMs: 400,
  /** … and the one who was asked has this long to send it before the next one is asked. */
  wantAgainAfterMs: 600,
  maxWantedOps: 4_096,
  /** Those who announced one op that are remembered, to be asked one after the other. */
  maxAnnouncers: 4,
  /** Ops that have come and wait to be applied. Beyond it they are dropped, and compared later. */
  maxArrivedBytes: 16 * MiB,
  maxArrivedOps: 8_192,
  /** Changes of `neighbours` are told together: a newcomer is linked with several at once. */
  tellNeighboursWithinMs: 60,
  /** Documents of others that a collection takes in by itself, and endings that it remembers. */
  maxDocuments: 65_536,
  /** Updates of one document that wait for what they delete, and for how long. */
  maxHeldBackUpdates: 64,
  maxHeldBackBytes: 262_144,
  holdBackMs: 120_000,
  /** Ops that a document takes in while something in it is parked, until no more are parked beside it. */
  maxParkedOps: 256,
  maxParkedBytes: 262_144,
  /**
   * Answering the same question about a document again: so much time in advance for one neighbour, and
   * a quarter of what passes. Comparing ends after a few times; who never ends only keeps us busy.
   */
  repeatedAnswersMs: 30_000,
  repeatedAnswersShare: 0.25,
} as const
