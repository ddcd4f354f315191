/*
 * The connection of one collection to one archive, kept up until it is closed:
 *
 *             start              token, dial              its hello
 *   offline ────────► connecting ────────────────────────────────────► resyncing, catching-up, live
 *      ▲  ▲               │ no answer                                        │
 *      │  └───────────────┴──────────── silence, a cut, bye, a fault ◄───────┤
 *      │ pause over, retryNow                                                │ a fatal code
 *      └──────────────────────────── refused ◄───────────────────────────────┘
 *                              retryNow
 *
 * Pauses grow and are jittered; an archive that says `bye` names the pause itself. The one timer here
 * is that pause. Nothing is lost with a link: what is owed, and where the replica stands, is in the
 * ledger.
 */
import { Channel } from '../links/channel.js'
import { Backoff } from '../signalling/backoff.js'
import { Renewal } from '../signalling/renewal.js'
import { TokenSource, type TokenProvider } from '../signalling/token-source.js'
import { fraction, type Clock, type Logger, type Random, type Undo } from '../ports/index.js'
import {
  copyOf,
  nextAfter,
  type Access,
  type ArchiveId,
  type CollectionName,
  type Credential,
  type DocumentRef,
  type ErrorCode,
  type InstanceId,
  type MessageOf,
} from '../protocol/index.js'
import type { ArchiveLedger } from './ledger.js'
import type { ArchiveDial, Dialled } from './dial.js'
import { archiveBounds as bounds } from './limits.js'
import { Listeners } from '../signalling/listeners.js'
import type { Reach } from './neighbour-list.js'
import { ResyncBreaker } from './resync-breaker.js'
import { ArchiveSession, type ArchiveIdentity, type SessionEnded } from './session.js'
import type { ArchiveProgress, ArchiveState, ArchiveTrouble } from './state.js'
import { Viewing } from './viewing.js'

export interface ArchiveConnectionOptions {
  readonly collection: CollectionName
  /** Asked at each attempt: a replica may have to mint a new id. */
  readonly identity: () => ArchiveIdentity
  readonly ledger: ArchiveLedger
  readonly dial: ArchiveDial
  /** Asked at each attempt, and before the token ends. */
  readonly token?: TokenProvider | undefined
  /** What the mesh knows of whom ops have reached already: spares them the bytes. */
  readonly reach?: Reach | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** An awareness update that the archive has passed on. */
export interface PassedPresence {
  /** Absent: of the collection. */
  readonly document: DocumentRef | undefined
  /** Whose it is; absent: the archive's own. */
  readonly from: InstanceId | undefined
  /** Empty: everything that this instance showed is gone. */
  readonly bytes: Uint8Array
}

/** A document that the archive has compacted with the help of this replica. */
export interface CompactedDocument {
  readonly document: DocumentRef
  readonly removed: number
  readonly retained: number
}

/** Everything that one replica has to do with one archive, over one link after the other. */
export class ArchiveConnection {
  readonly #options: ArchiveConnectionOptions
  readonly #backoff: Backoff
  readonly #breaker: ResyncBreaker
  readonly #tokens: TokenSource
  readonly #renewal: Renewal
  readonly #viewing = new Viewing()
  readonly #onState: Listeners<[ArchiveState]>
  readonly #onProgress: Listeners<[ArchiveProgress]>
  readonly #onTrouble: Listeners<[ArchiveTrouble]>
  readonly #onPresence: Listeners<[PassedPresence]>
  readonly #onCompacted: Listeners<[CompactedDocument]>
  #state: ArchiveState = { phase: 'offline' }
  #session: ArchiveSession | undefined
  /** The question for a token, of an attempt that has not dialled yet. */
  #question: Undo = () => {}
  #pause: Undo = () => {}
  #progressTimer: Undo | undefined
  #openedAtMs: number | undefined
  #archive: ArchiveId | undefined
  #away = false

  constructor(options: ArchiveConnectionOptions) {
    const { clock, random, logger, token } = options
    this.#options = options
    this.#backoff = new Backoff(random, bounds.firstRetryMs, bounds.mostRetryMs)
    this.#breaker = new ResyncBreaker(clock, random)
    this.#tokens = new TokenSource(token, clock, logger, bounds.tokenWithinMs)
    this.#renewal = new Renewal({
      clock,
      random,
      tokens: this.#tokens,
      limits: {
        answerMs: bounds.answerWithinMs,
        firstRetryMs: bounds.firstRetryMs,
        mostRetryMs: bounds.mostRetryMs,
      },
      ask: (renewed) => this.#session?.renew(renewed),
      onRefused: (code) => logger.info('the archive does not take the new token', { code }),
    })
    this.#onState = new Listeners(logger)
    this.#onProgress = new Listeners(logger)
    this.#onTrouble = new Listeners(logger)
    this.#onPresence = new Listeners(logger)
    this.#onCompacted = new Listeners(logger)
  }

  /** Dials. Does nothing unless it is offline. */
  start(): void {
    if (this.#state.phase === 'offline') this.#connect()
  }

  get state(): ArchiveState {
    return this.#state
  }

  get progress(): ArchiveProgress {
    return this.#session?.progress ?? nothingToDo
  }

  /** Who answered last; undefined before the first time. */
  get archive(): ArchiveId | undefined {
    return this.#archive
  }

  /** What the archive lets this replica do; undefined while there is no link. */
  get access(): Access | undefined {
    return this.#isConnected ? this.#session?.access : undefined
  }

  /** The archive's last seq, as far as it has said. */
  get headSeq(): number | undefined {
    return this.#session?.headSeq
  }

  /** Of the link that stands. */
  get channel(): Channel | undefined {
    return this.#session?.channel
  }

  onState(listener: (state: ArchiveState) => void): Undo {
    return this.#onState.add(listener)
  }

  /** Told at most every 100 ms. */
  onProgress(listener: (progress: ArchiveProgress) => void): Undo {
    return this.#onProgress.add(listener)
  }

  onTrouble(listener: (trouble: ArchiveTrouble) => void): Undo {
    return this.#onTrouble.add(listener)
  }

  onPresence(listener: (presence: PassedPresence) => void): Undo {
    return this.#onPresence.add(listener)
  }

  onCompacted(listener: (compacted: CompactedDocument) => void): Undo {
    return this.#onCompacted.add(listener)
  }

  /** The network is back, the page is visible, somebody has signed in: no pause is waited for. */
  retryNow(): void {
    const { phase } = this.#state
    if (phase !== 'offline' && phase !== 'refused') return
    this.#backoff.reset()
    this.#connect()
  }

  /** Hidden, or in the background: the archive is told that answers will be slow. */
  setAway(away: boolean): void {
    this.#away = away
    this.#session?.channel.setAway(away)
  }

  /** Which documents are open here: the archive passes on presence of those. */
  setViewing(documents: readonly DocumentRef[]): void {
    this.#viewing.set(documents)
  }

  /** Passes presence of this instance to those without a direct link. False: it was not sent. */
  sendPresence(document: DocumentRef | undefined, bytes: Uint8Array): boolean {
    return this.#session?.sendPresence(document, bytes) ?? false
  }

  /** Says `bye` and lets go of everything. What it had begun to tell the ledger may still end. */
  close(): void {
    if (this.#state.phase === 'closed') return
    this.#letGo()
    this.#session?.close()
    this.#endSession()
    this.#tokens.close()
    this.#enter({ phase: 'closed' })
    for (const listeners of [this.#onState, this.#onProgress, this.#onTrouble]) listeners.clear()
    this.#onPresence.clear()
    this.#onCompacted.clear()
  }

  get #isConnected(): boolean {
    const { phase } = this.#state
    return phase === 'resyncing' || phase === 'catching-up' || phase === 'live'
  }

  #connect(): void {
    this.#letGo()
    this.#enter({ phase: 'connecting' })
    this.#question = this.#tokens.ask((answer) => {
      if (this.#state.phase !== 'connecting') return
      if (answer.ok) this.#dial(answer.token)
      else this.#pauseAfter('unauthenticated')
    })
  }

  #dial(token: string | undefined): void {
    const { dial, clock, random, logger, collection, ledger, identity, reach } = this.#options
    let dialled: Dialled
    try {
      dialled = dial()
    } catch (error) {
      logger.error('the archive cannot be dialled', { error: String(error) })
      this.#pauseAfter('unavailable')
      return
    }
    const channel = new Channel({ link: dialled.link, clock, random, side: 'caller' })
    const session = new ArchiveSession({
      channel,
      credential: credentialOf(dialled.voucher, token),
      identity: identity(),
      collection,
      ledger,
      breaker: this.#breaker,
      reach,
      clock,
      random,
      logger,
      events: {
        opened: (opened) => this.#opened(opened),
        phase: (phase) => this.#enter({ phase }),
        granted: ({ validForMs }) => this.#renewal.hold(validForMs, undefined),
        tokenError: (code) => this.#tokenError(code),
        presence: (message) => this.#heardPresence(message),
        compacted: ({ document, removed, retained }) =>
          this.#onCompacted.tell({ document, removed, retained }),
        trouble: (trouble) => this.#onTrouble.tell(trouble),
        progressed: () => this.#tellProgressSoon(),
        closed: (ended) => this.#sessionEnded(session, ended),
      },
    })
    this.#session = session
    if (this.#away) channel.setAway(true)
    session.start()
  }

  #opened(session: ArchiveSession): void {
    this.#archive = session.archive
    this.#openedAtMs = this.#options.clock.monotonic()
    this.#enter({ phase: 'catching-up' })
    this.#viewing.attach(session.sender)
  }

  #tokenError(code: ErrorCode): void {
    if (code === 'token-expired') this.#renewal.expiring()
    else this.#renewal.refused(code)
  }

  #heardPresence({ document, from, bytes }: MessageOf<'presence'>): void {
    this.#onPresence.tell({ document, from, bytes: copyOf(bytes) })
  }

  #sessionEnded(session: ArchiveSession, { code, isTheirWord, retryAfterMs }: SessionEnded): void {
    if (this.#session !== session) return
    const { clock, logger } = this.#options
    const heldMs = this.#openedAtMs === undefined ? 0 : clock.monotonic() - this.#openedAtMs
    if (heldMs >= bounds.stableMs) this.#backoff.reset()
    this.#endSession()
    if (code === 'replica-in-use') this.#onTrouble.tell({ kind: 'replica-in-use' })
    // Garbage that this side has found may be somebody else's doing; what they say is their word.
    if (isTheirWord && nextAfter(code) === 'fatal') {
      logger.error('the archive refuses this client', { code })
      this.#letGo()
      this.#enter({ phase: 'refused', code })
    } else this.#pauseAfter(code, retryAfterMs)
  }

  #endSession(): void {
    this.#session = undefined
    this.#openedAtMs = undefined
    this.#viewing.attach(undefined)
    this.#renewal.stop()
    this.#progressTimer?.()
    this.#progressTimer = undefined
  }

  #pauseAfter(code: ErrorCode, askedMs?: number): void {
    const { clock, random } = this.#options
    this.#letGo()
    // An asked pause is the least; a crowd that was asked the same comes back spread.
    const spread = 1 + bounds.askedPauseSpread * fraction(random)
    const ownMs = this.#backoff.nextMs()
    const retryInMs =
      askedMs === undefined ? ownMs : Math.min(askedMs, bounds.mostAskedPauseMs) * spread
    this.#pause = clock.after(retryInMs, () => this.#connect())
    this.#enter({ phase: 'offline', retryInMs, code })
  }

  #letGo(): void {
    this.#question()
    this.#pause()
  }

  #tellProgressSoon(): void {
    this.#progressTimer ??= this.#options.clock.after(bounds.tellProgressEveryMs, () => {
      this.#progressTimer = undefined
      this.#onProgress.tell(this.progress)
    })
  }

  #enter(state: ArchiveState): void {
    const isSame = this.#state.phase === state.phase && state.phase !== 'offline'
    if (this.#state.phase === 'closed' || isSame) return
    this.#state = state
    this.#onState.tell(state)
  }
}

const nothingToDo: ArchiveProgress = {
  download: undefined,
  upload: undefined,
  recovery: undefined,
}

function credentialOf(voucher: string | undefined, token: string | undefined): Credential {
  if (voucher !== undefined) return { kind: 'voucher', voucher }
  return token === undefined ? { kind: 'none' } : { kind: 'token', token }
}
