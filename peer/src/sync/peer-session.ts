/*
 * One link of a collection, from this side:
 *
 *   hello ──their hello is believed──► comparing ──all is the same──► synced
 *     │                                    ▲                            │
 *     │                                    └──something differs─────────┘
 *     └──────────── the channel ends, or they say what makes no sense ───────────► closed
 *
 * Live messages are handed on at once. What compares and exchanges states is handled in the order in
 * which it came, also while the documents are busy taking something in, because the order is what
 * the facts are made of.
 */
import type { Channel, ChannelClosed } from '../links/channel.js'
import type { Clock, Logger, Random, Undo } from '../ports/index.js'
import {
  canWrite,
  copyOf,
  frameBounds,
  messageBounds,
  messageKinds,
  type DocumentRef,
  type ErrorCode,
  type InstanceId,
  type Message,
  type MessageOf,
  type ReplicaId,
} from '../protocol/index.js'
import { Comparison } from './comparison.js'
import { ComparisonSchedule } from './comparison-schedule.js'
import type { DigestTree } from './digest-tree.js'
import type { Documents, Outcome } from './documents.js'
import { checkHello, helloOf, type Expected, type Self } from './handshake.js'
import { Inbox, type BulkMessage } from './inbox.js'
import { syncBounds as bounds } from './limits.js'
import { takeStates } from './take-states.js'

export type SessionState = 'hello' | 'comparing' | 'synced' | 'closed'

/** What the spreading of edits, and whatever else uses the link, does with a session. */
interface SessionEvents {
  /** The other side is who it should be: from now on it is spoken to. */
  opened(session: PeerSession): void
  stateChanged(session: PeerSession): void
  /** A message that is not about comparing. Its byte fields are views. */
  heard(session: PeerSession, message: LiveMessage): void
  /** A state has brought what was not held here. */
  brought(session: PeerSession, document: DocumentRef): void
  /** Something that a document builds upon is missing; this neighbour brought the rest. */
  gapped(session: PeerSession, document: DocumentRef): void
  closed(session: PeerSession, closed: ChannelClosed): void
}

export type LiveMessage = Exclude<
  Message,
  { readonly type: 'hello' | 'ping' | 'pong' | 'bye' | 'summary' | 'compared' | 'state' }
>

export interface PeerSessionOptions {
  readonly channel: Channel
  readonly self: Self
  readonly expected: Expected
  readonly documents: Documents
  readonly tree: DigestTree
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: SessionEvents
}

export class PeerSession {
  readonly channel: Channel
  readonly #options: PeerSessionOptions
  readonly #undo: Undo[] = []
  #state: SessionState = 'hello'
  #hello: MessageOf<'hello'> | undefined
  #comparison: Comparison | undefined
  #schedule: ComparisonSchedule | undefined
  readonly #inbox: Inbox
  #helloDeadline: Undo | undefined
  #refusedUpdates = 0

  constructor(options: PeerSessionOptions) {
    this.#options = options
    this.channel = options.channel
    this.#inbox = new Inbox({
      isOpen: () => this.isOpen,
      handle: (message) => this.#handle(message),
      handleUpdates: async (updates) => {
        await this.#comparison?.exchange.updates(updates, (all) => this.#receive(all))
      },
      done: () => this.#review(),
      failed: (error) => {
        options.logger.error('a session failed', { error: String(error) })
        this.close('internal')
      },
    })
  }

  /** Says `hello`, and waits for the other's. The channel is started here. */
  start(): void {
    const { channel } = this
    const { self, expected, documents, clock } = this.#options
    this.#undo.push(
      channel.onMessage((message, bytes) => this.#hear(message, bytes.byteLength)),
      channel.onClose((closed) => this.#ended(closed)),
    )
    channel.limitMessages(bounds.maxBytesBeforeHello)
    channel.send(helloOf(self, expected, documents.position()?.cursor))
    this.#helloDeadline = clock.after(bounds.helloWithinMs, () => this.close('timeout'))
    channel.start()
  }

  get state(): SessionState {
    return this.#state
  }

  get isOpen(): boolean {
    return this.#state === 'comparing' || this.#state === 'synced'
  }

  /** Each side holds what the other held when they began, as far as it was confirmed. */
  get isSynced(): boolean {
    return this.#state === 'synced'
  }

  /** Whose run is at the other end; undefined before its `hello`. */
  get instance(): InstanceId | undefined {
    return this.#hello?.instance
  }

  get replica(): ReplicaId | undefined {
    return this.#hello?.sender.role === 'peer' ? this.#hello.sender.replica : undefined
  }

  /** Whether what it writes is taken. */
  get canWrite(): boolean {
    return canWrite(this.#options.expected.access)
  }

  /** Documents that are being exchanged on this link. */
  get differing(): readonly DocumentRef[] {
    return this.#comparison?.exchange.differing ?? []
  }

  /** Updates that the bounded reader has refused. */
  get refusedUpdates(): number {
    return this.#refusedUpdates
  }

  /** What waits here: in numbers that stay below the bounds of `syncBounds`. */
  get waiting(): {
    readonly inbox: number
    readonly inboxBytes: number
    readonly outgoing: number
  } {
    return {
      inbox: this.#inbox.length,
      inboxBytes: this.#inbox.bytes,
      outgoing: this.#comparison?.waiting ?? 0,
    }
  }

  /** Whether this document is the same on both sides, as far as it was confirmed. */
  isSyncedDocument({ id, generation }: DocumentRef): boolean {
    return (
      this.#comparison?.hasRound === true &&
      (this.#comparison.isDone || this.#state === 'synced') &&
      !this.differing.some((other) => other.id === id && other.generation === generation)
    )
  }

  /** Sends a live message. False: it was not sent. */
  send(message: Message, onDelivered?: () => void): boolean {
    return this.isOpen && this.channel.send(message, onDelivered)
  }

  /** Something of this document was to be sent on this link, and was not. */
  owe(document: DocumentRef): void {
    this.#comparison?.exchange.owe(document)
  }

  /** Asks for what is missing of a document. False: it is asked for already, or cannot be. */
  askFor(document: DocumentRef): boolean {
    return this.isOpen && (this.#comparison?.exchange.askFor(document) ?? false)
  }

  /** This side takes part in a document from now on: both directions are exchanged. */
  documentOpened(document: DocumentRef): void {
    if (this.isOpen) this.#comparison?.exchange.opened(document)
  }

  /** They hold this document after all. */
  mentioned(document: DocumentRef): void {
    this.#comparison?.exchange.mentioned(document.id)
  }

  /** What is held of it has changed: the other side is told its digest, if all was compared once. */
  tellAgain(document: DocumentRef): void {
    if (this.isOpen && this.#comparison?.hasRound === true) this.#comparison.tellAgain(document)
  }

  /** Compares the whole link soon, at most every two seconds whatever the reasons. */
  compareSoon(): void {
    if (this.isOpen) this.#schedule?.soon()
  }

  /** Tells the other side, and ends. Idempotent. */
  close(code?: ErrorCode): void {
    this.channel.close(code)
    this.#ended({ by: 'local', ...(code === undefined ? {} : { code }), reason: 'closed' })
  }

  #hear(message: Message, byteLength: number): void {
    if (this.#state === 'closed') return
    if (this.#state === 'hello') {
      if (message.type === 'hello') this.#meet(message)
      else this.close('unexpected-message')
      return
    }
    switch (message.type) {
      case 'summary':
      case 'compared':
        this.#queue(message, byteLength)
        return
      case 'state':
        this.#queue({ ...message, stateVector: copyOf(message.stateVector) }, byteLength)
        return
      case 'update':
        if (message.cause.kind === 'op') this.#options.events.heard(this, message)
        else this.#queue({ ...message, bytes: ownBytes(message.bytes) }, byteLength)
        return
      case 'error':
        if (message.request === undefined) this.#options.events.heard(this, message)
        else this.#queue(message, byteLength)
        return
      case 'hello':
      case 'ping':
      case 'pong':
      case 'bye':
        this.close('unexpected-message')
        return
      default:
        if (messageKinds[message.type].speaker === 'archive') this.close('unexpected-message')
        else this.#options.events.heard(this, message)
    }
  }

  #meet(hello: MessageOf<'hello'>): void {
    const { self, expected, documents, tree, clock, random, logger, events } = this.#options
    const checked = checkHello(hello, self, expected)
    if (!checked.ok) {
      this.#options.logger.info('a neighbour was turned away', {
        code: checked.refusal.code,
        detail: checked.refusal.detail,
      })
      this.close(checked.refusal.code)
      return
    }
    this.#helloDeadline?.()
    this.#hello = hello
    this.channel.limitFrames(hello.maxFrameBytes)
    this.channel.limitMessages(messageBounds.maxBytes)
    const comparison = new Comparison({
      channel: this.channel,
      documents,
      tree,
      clock,
      logger,
      ours: self.access,
      theirs: expected.access,
      theirCursors: hello.cursors,
      theirMaxMessageBytes: hello.maxMessageBytes,
      changed: () => this.#review(),
      gapped: (document) => events.gapped(this, document),
      refuse: (code) => this.close(code),
    })
    this.#comparison = comparison
    this.#schedule = new ComparisonSchedule({
      clock,
      random,
      comparison,
      isSynced: () => this.isSynced,
      timedOut: () => this.close('timeout'),
    })
    this.#state = 'comparing'
    // Before others hear of it: they may end the link whose place this one takes, and what may have
    // been lost there goes over this one.
    events.opened(this)
    if (this.isOpen) events.stateChanged(this)
    if (this.isOpen) this.#schedule.start(this.#isFirst)
  }

  /** Whether this side begins to compare: one that may write, before one that may only read. */
  get #isFirst(): boolean {
    const { self } = this.#options
    const areAlike = canWrite(self.access) === this.canWrite
    return areAlike ? self.instance < (this.instance ?? '') : canWrite(self.access)
  }

  #queue(message: BulkMessage, byteLength: number): void {
    if (!this.#inbox.push(message, byteLength)) this.close('too-many')
  }

  #handle(message: Exclude<BulkMessage, MessageOf<'update'>>): void {
    const comparison = this.#comparison
    if (message.type === 'summary') comparison?.summary(message)
    else if (message.type === 'compared') comparison?.compared(message)
    else if (message.type === 'state') comparison?.exchange.state(message)
    else comparison?.exchange.error(message)
  }

  async #receive(messages: readonly MessageOf<'update'>[]): Promise<readonly Outcome[]> {
    const { documents, events } = this.#options
    const before = messages.map(({ document }) => documents.holding(document.id)?.digest)
    const outcomes = await takeStates(messages, documents, (code, document) => {
      this.#refusedUpdates++
      this.send({ type: 'error', code, document })
    })
    for (const [at, { document }] of this.isOpen ? messages.entries() : []) {
      const digest = documents.holding(document.id)?.digest
      if (digest !== undefined && digest !== before[at]) events.brought(this, document)
    }
    return outcomes
  }

  #review(): void {
    const comparison = this.#comparison
    if (comparison === undefined || !this.isOpen) return
    if (comparison.isDone && this.#inbox.isIdle) {
      comparison.exchange.noteDone()
      this.#enter('synced')
    } else if (comparison.exchange.differing.length > 0) this.#enter('comparing')
  }

  #enter(state: SessionState): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    this.#options.events.stateChanged(this)
  }

  #ended(closed: ChannelClosed): void {
    if (this.#state === 'closed') return
    this.#enter('closed')
    this.#helloDeadline?.()
    this.#schedule?.close()
    for (const undo of this.#undo.splice(0)) undo()
    this.#comparison?.close()
    this.#inbox.clear()
    if ('cause' in closed) {
      this.#options.logger.error('a session failed', { error: String(closed.cause) })
    }
    this.#options.events.closed(this, closed)
  }
}

/** What is longer than a frame was joined from several, in memory of its own. */
function ownBytes(view: Uint8Array): Uint8Array {
  return view.byteLength > frameBounds.maxBytes ? view : copyOf(view)
}
