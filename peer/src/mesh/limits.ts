/** How patient a peer is with its neighbours, and how much it does for them at a time. */
export const meshBounds = {
  /**
   * Handshakes under way in one process. Each is a connection of the platform with its sockets and
   * checks; a room of fifty joined at once would be three hundred of them.
   */
  maxHandshakes: 4,
  /** Of these, places that only answers take: who calls waits for one who answers, never for another caller. */
  answersReserved: 1,
  /**
   * A newcomer asks so many writers for a relay at once: through them it has everybody's edits from
   * the start, and one of them may just have died.
   */
  firstRelays: 2,
  /** A direct link has this long to stand before a relay is asked for in its place. */
  relayAfterMs: 1_500,
  /** From a place at the gate to a link. ICE with a TURN server far away takes some eight seconds. */
  signallingWithinMs: 15_000,
  /** Signals that came before there was a place to begin: a description and its candidates. */
  maxEarlySignals: 64,
  /** After the description signals wait so long for company: each message is a delivery for the signaller. */
  sayWithinMs: 20,
  /** … and this many units of them go together: with a word's head below what the signaller takes. */
  maxUnitsTogether: 12_288,
  /** The longest first pause after a failure, and the longest of all. */
  firstRetryMs: 500,
  mostRetryMs: 30_000,
  /** A link that lasted so long was a success: the next failure is a first one. */
  stableMs: 10_000,
  /** Who is to be called asks for it after so long. */
  expectWithinMs: 5_000,
  /** … and, once it has asked, again after a call could have failed. */
  askAgainMs: 16_000,
  /** A word about a link younger than this was said before the link stood. */
  crossingMs: 2_000,
  /** Calls of one neighbour that are answered in ten seconds; more are told to come later. */
  maxAnswers: 8,
  answersPerMs: 10_000,
  /** Attempts that are over and known by name, so that late signals of theirs begin nothing. */
  rememberedAttempts: 16,
  /** Silence on a link until it is asked for a sign of life, and from then until it is given up on. */
  quietMs: 2_500,
  answerQuietMs: 750,
  /** How often that is looked at. Together: 4.3 s at most, before five seconds of silence are death. */
  lookEveryMs: 500,
  /** In the background, where each timer costs battery and nobody is waiting. */
  awayLookEveryMs: 10_000,
} as const
