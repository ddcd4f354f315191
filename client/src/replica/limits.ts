/** What a replica takes upon itself, in numbers. */
export const replicaBounds = {
  /** After the first edit, edits of a document are gathered for so long and become one op. */
  gatherMs: 20,
  /**
   * An edit of somebody else's is carried to an archive after this, ± a third: its author had time
   * to do so, and not all who carry it come at once.
   */
  carryAfterMs: 4_500,
  /** Documents that nobody has open and that stay in memory, for digests and differences. */
  maxIdleDocuments: 32,
  /** And what they may take in the store, together; a Y.Doc takes some twelve times as much. */
  maxIdleBytes: 4 * 1024 * 1024,
  /**
   * A document is folded when it has so many updates beyond its snapshot, or so many bytes in them,
   * and they are so large a part of it: so what is written again and again stays a small multiple of
   * what was edited …
   */
  foldRows: 200,
  foldBytes: 64 * 1024,
  foldShare: 0.25,
  /** … and in any case with so many: applying them costs about 25 ms. */
  maxRows: 5_000,
  /** An edit that could not be stored is tried again after this, then twice this, … at most this. */
  retryMinMs: 250,
  retryMaxMs: 10_000,
  /** Digests that are computed and stored together. */
  digestsAtOnce: 16,
  /** Between two such rounds, so that others have a turn. */
  digestPauseMs: 5,
  /** Documents of a collection that are made because others hold them. */
  maxDocuments: 65_536,
} as const
