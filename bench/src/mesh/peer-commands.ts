/** What a measured peer does for the one who measures: the same words for both kinds. */

export type PeerKind = 'holdfast' | 'y-webrtc'

export interface JoinRequest {
  readonly server: string
  readonly room: string
  /** Letters that the document holds before it is shared. */
  readonly letters?: number
  /** Holdfast only: the port of a `SlowWay` under which the neighbour is to reach this peer. */
  readonly wayPort?: number
}

/** What a peer sees; each one named has to be exactly so. */
export interface Sight {
  readonly edits?: number
  readonly letters?: number
  readonly bulkLetters?: number
  /** Neighbours with whom it talks over a data channel. */
  readonly links?: number
  /** Neighbours with whom it talks at all. */
  readonly peers?: number
  /** Those whose presence is shown, itself included. */
  readonly present?: number
}

/** What has left and arrived since the last time that this was asked. */
export interface Traffic {
  /** Messages that carry an edit, given to data channels. */
  readonly edits: number
  /** Messages of any kind that were given to data channels by `send`, and their bytes. */
  readonly sends: number
  readonly sentBytes: number
  /** Messages of the signalling server. */
  readonly signals: number
  /** … of which relayed data, not signals. */
  readonly relayed: number
}

export interface LinkReport {
  /** Handshakes begun, and links that stood, over all neighbours. */
  readonly attempts: number
  readonly links: number
  /** The most that was ever unacknowledged on one link. */
  readonly mostUnacknowledgedBytes: number
  readonly lastEnds: readonly string[]
}

export interface PeerCommands {
  join(request: JoinRequest): void
  /** One edit that says when it was made. */
  edit(): void
  typeLetter(): void
  /** Edits `times` times, `everyMs` apart after a pause; resolves when the last is made. */
  editOften(afterMs: number, everyMs: number, times: number): Promise<void>
  /** When it first saw that, on the clock that all processes share; null: not in time. */
  see(sight: Sight, withinMs: number): Promise<number | null>
  /** How old edits of others were when they came, in milliseconds, since the last time. */
  takeAges(): readonly number[]
  takeTraffic(): Traffic
  /** Holdfast only, as are the next three: a second document of so many letters. */
  openBulk(letters: number): void
  /** Answers each edit of the other with one of its own. */
  echo(): void
  /** Ages of own edits when their echo came. */
  takeRoundTrips(): readonly number[]
  report(): LinkReport
  leave(): Promise<void>
}

/** Milliseconds on a clock that all processes of the machine share. */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
