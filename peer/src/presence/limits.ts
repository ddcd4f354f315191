/** When presence is told, how long it is believed, and how much of it is kept. */
export const presenceBounds = {
  /** One who drags a cursor is told of twenty times a second, not at every event of the mouse. */
  tellEveryMs: 50,
  /**
   * What others show is passed on after this: by then a newcomer is linked with most of them, and
   * has it from themselves.
   */
  passAfterMs: 150,
  /** An unchanged state is said again, for those who have it by way of others, … */
  renewEveryMs: 30_000,
  /** … for whom it is gone when it was not renewed in this time: that no rumour came is rare. */
  expireAfterMs: 70_000,
  /** How often that is looked at. */
  sweepEveryMs: 5_000,
  /** Whom somebody's presence reaches by other ways is forgotten, and learned again, this often. */
  relearnEveryMs: 300_000,
  /** A pipe that broke may be one that is being replaced: so long the state stays. */
  brokenLinkMs: 3_000,
  /** Others say that somebody is gone: who is not has this long to say so. */
  rumourMs: 500,
  /** Whoever is said to be gone and is not says so at most this often. */
  refuteEveryMs: 1_000,
  /** Clocks of those who are gone are remembered, so that late news does not bring them back. */
  rememberGoneMs: 60_000,
  /** Arrays and objects inside one another: editors use three or four. */
  maxDepth: 16,
  /** Clients that one instance speaks for: itself, and the tabs that it owns the store for. */
  maxClientsOfAuthor: 16,
  /** Clients in one document, or in the collection. Beyond: new ones are not heard. */
  maxClients: 1_024,
  /** What one neighbour is known to have by way of others: authors, each with a document. */
  maxInformed: 16_384,
  /** Documents that a neighbour may have open. */
  maxViewed: 1_024,
} as const
