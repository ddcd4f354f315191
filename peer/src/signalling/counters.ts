/** What has happened since the start, in numbers that only rise. */
export class SignallingCounters {
  /** Connections that were tried. */
  dials = 0
  /** Rooms entered, returns included. */
  joins = 0
  renewals = 0
  signalsSent = 0
  signalsReceived = 0
  /** Signals that waited too long, or were too many while there was no connection. */
  signalsDropped = 0
  /** Messages that could not be read. Each has ended its connection. */
  garbage = 0
  /** Messages of a kind that this version does not know, or that fit nothing that was asked. */
  unexpected = 0
  /** Refusals that were heard, of any kind. */
  refusals = 0
  /** Neighbours beyond the limit. */
  neighboursIgnored = 0
  /** Rooms beyond the limit of a watch. */
  roomsIgnored = 0
}
