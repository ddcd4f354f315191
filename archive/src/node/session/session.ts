/*
 * One link to one peer, from its first frame to its last.
 *
 *          hello, believed             subscribe
 *   hello ────────────────► proven ──────────────► subscribed
 *     │                       │                        │
 *     │ ten seconds, 64 KiB,  │ access ended and not   │ too many faults, slow,
 *     │ not believed          │ renewed, drain         │ the link's end
 *     └───────────────────────┴────────────┬───────────┘
 *                                          ▼
 *                                       closing
 *
 * Every message is held against the state and the access before anything is done for it. What makes
 * no sense is answered with a code, a few times; then the link is closed.
 */
import { Channel, type ChannelClosed, type Due } from '@holdfast/peer'
import type { Link, Undo } from '@holdfast/peer/ports'
import {
  accessLevels,
  frameBounds,
  messageBounds,
  messageKinds,
  protocolVersion,
  type Access,
  type CollectionName,
  type DocumentRef,
  type ErrorCode,
  type InstanceId,
  type Message,
  type MessageOf,
  type MessageType,
} from '@holdfast/peer/protocol'
import { admit, checkHello, grantOf, type Admitted } from '../access/admission.js'
import type { Caller } from '../access/caller.js'
import type { NodeContext } from '../context.js'
import type { LeaseKey } from '../../log/port.js'
import type { Collection } from '../fan-out/collection.js'
import type { Reader } from '../fan-out/reader.js'
import type { FaultDetails, Participant, SessionState } from '../participant.js'
import { Budget } from './budget.js'
import type { Hints } from '../hints/hints.js'
import { Membership } from './membership.js'
import type { Offered } from './offers.js'
import { codeOfStorage } from './storage-code.js'

/** What a session tells the one who holds it. */
export interface SessionOwner {
  /** The collection's live half, made for its first session; it goes with the last. */
  collection(name: CollectionName): Collection
  readonly hints: Hints
  proven(): void
  /** It serves nobody any more; what is queued may still be leaving. */
  left(session: Session, was: SessionState, code: ErrorCode | undefined): void
  /** Its link has ended. */
  closed(session: Session): void
}

export class Session implements Due, Participant {
  readonly context: NodeContext
  readonly channel: Channel
  readonly caller: Caller
  dueTick = 0
  readonly #owner: SessionOwner
  readonly #link: Link
  #state: SessionState = 'hello'
  /** Since it has proved who it is. */
  #member: Membership | undefined
  #admitted: Admitted | undefined
  /** A credential is being checked. */
  #isChecking = false
  /** Told that its access has ended; closed unless it is renewed by then. */
  #closeAtMs: number | undefined
  #seenAtMs = 0
  #faults = 0
  #budget: Budget | undefined
  #stopCounting: Undo | undefined
  /** The longest message that the other side takes. */
  maxMessageBytes: number = messageBounds.maxBytes

  constructor(context: NodeContext, owner: SessionOwner, link: Link, caller: Caller) {
    this.context = context
    this.#owner = owner
    this.#link = link
    this.caller = caller
    const { clock, random, deadlines } = context
    this.channel = new Channel({ link, clock, random, side: 'server', deadlines })
  }

  get state(): SessionState {
    return this.#state
  }

  get collection(): Collection | undefined {
    return this.#member?.collection
  }

  get instance(): InstanceId {
    if (this.#member === undefined) throw new Error('a stranger has no instance yet')
    return this.#member.lease.instance
  }

  get reader(): Reader | undefined {
    return this.#member?.reader
  }

  get lease(): LeaseKey | undefined {
    return this.#member?.lease
  }

  /** Undefined: it has ended. */
  get access(): Access | undefined {
    return this.#admitted !== undefined && this.#closeAtMs === undefined
      ? this.#admitted.access
      : undefined
  }

  /** What a reader could give that the log lacks, by its own word. */
  get offers(): readonly Offered[] {
    return this.#member?.offers ?? []
  }

  /** Takes what was offered of a document: asks for it, and takes the reader's uploads of it. */
  acceptOffer(document: DocumentRef): boolean {
    return this.#member?.acceptOffer(document) === true
  }

  mayUpload(document: DocumentRef): boolean {
    return this.#member?.mayUpload(document) === true
  }

  /** Begins to listen. */
  start(): void {
    const { limits, deadlines } = this.context
    this.channel.limitMessages(limits.maxStrangerBytes)
    let bytes = 0
    this.#stopCounting = this.#link.onFrame((frame) => {
      bytes += frame.length
      if (bytes > limits.maxStrangerBytes) this.close('too-large')
    })
    this.channel.onMessage((message) => this.#hear(message))
    this.channel.onClose((closed) => this.#ended(closed))
    this.channel.start()
    deadlines.set(this, limits.helloWithinMs)
  }

  /** Whoever does not take in even this is not there any more. */
  send(message: Message): boolean {
    if (this.#state === 'closing') return false
    if (this.channel.send(message)) return true
    if (this.channel.isOpen && messageKinds[message.type].lane === 'live') this.close('slow-reader')
    return false
  }

  /** Answers what makes no sense, or cannot be done, with a code. */
  fault(code: ErrorCode, about: MessageType, details: FaultDetails = {}): void {
    if (this.#state === 'closing') return
    const { isOurs = false, ...fields } = details
    this.context.counters.error(code)
    this.send({ type: 'error', code, message: messageKinds[about].number, ...fields })
    if (!isOurs && ++this.#faults >= this.context.limits.maxFaults) this.close(code)
  }

  /** The log rejected a call that was made for this session. */
  storageFailed(error: unknown, about: MessageType, request?: number): void {
    if (this.#state === 'closing') return
    const code = codeOfStorage(error)
    this.context.logger.error('the log failed a session', { code, error: String(error) })
    const { retryAfterMs } = this.context.limits
    this.fault(code, about, {
      isOurs: true,
      retryAfterMs,
      ...(request === undefined ? {} : { request }),
    })
  }

  tellCommitted(results: MessageOf<'committed'>['results']): void {
    const { term } = this.context.log
    for (let at = 0; at < results.length; at += messageBounds.maxPushedOps) {
      const some =
        results.length <= messageBounds.maxPushedOps
          ? results
          : results.slice(at, at + messageBounds.maxPushedOps)
      this.send({ type: 'committed', term, results: some })
    }
  }

  /** Says `bye`, lets what is queued leave, and closes. Idempotent. */
  close(code?: ErrorCode, retryAfterMs?: number): void {
    if (this.#state === 'closing') return
    this.#leave(code)
    this.channel.close(code, retryAfterMs)
  }

  /** Ends the link now. */
  abort(reason: string): void {
    this.#leave(undefined)
    this.channel.abort(reason)
  }

  /** As `close`, once everything that was pushed is answered. */
  closeWhenIdle(code: ErrorCode, retryAfterMs: number): void {
    if (this.#member === undefined) this.close(code, retryAfterMs)
    else this.#member.onceAnswered(() => this.close(code, retryAfterMs))
  }

  due(): void {
    if (this.#state === 'closing') return
    const { clock, limits, deadlines } = this.context
    if (this.#state === 'hello') {
      this.close('timeout')
      return
    }
    if (this.#closeAtMs !== undefined && clock.monotonic() >= this.#closeAtMs) {
      this.close('token-expired')
      return
    }
    this.#checkExpiry()
    if (this.#state === 'subscribed' && clock.monotonic() - this.#seenAtMs >= limits.leaseSeenMs) {
      this.#seenAtMs = clock.monotonic()
      this.#member?.seen()
    }
    deadlines.set(this, this.#nextDeadlineMs())
  }

  // What comes in ---------------------------------------------------------------------------------

  #hear(message: Message): void {
    if (this.#state === 'closing') return
    try {
      if (this.#state === 'hello') this.#hearStranger(message)
      else if (this.#mayGoOn(message)) this.#hearProven(message)
    } catch (error) {
      // A fault of ours: this link ends, the others do not notice.
      this.context.logger.error('a message made the session throw', {
        message: message.type,
        error: error instanceof Error ? (error.stack ?? String(error)) : String(error),
      })
      this.close('internal')
    }
  }

  #hearStranger(message: Message): void {
    if (message.type !== 'hello' || this.#isChecking) {
      this.close('unexpected-message')
      return
    }
    const checked = checkHello(message)
    if (!checked.ok) this.close(checked.refusal.code)
    else void this.#greet(message)
  }

  #mayGoOn(message: Message): boolean {
    const { limits, clock } = this.context
    this.#budget ??= new Budget(limits.messagesPerSecond, limits.messageBurst, clock.monotonic())
    // A push has bounds of its own, and is answered op by op.
    if (message.type === 'push' || this.#budget.take(1, clock.monotonic())) return true
    this.close('rate-limited', limits.retryAfterMs)
    return false
  }

  #hearProven(message: Message): void {
    if (message.type === 'subscribe') this.#subscribe(message)
    else if (message.type === 'renew') void this.#renew(message)
    else this.#member?.hear(message)
  }

  #subscribe(message: MessageOf<'subscribe'>): void {
    if (this.access === undefined) {
      this.fault('token-expired', 'subscribe', { request: message.subscription })
      return
    }
    this.#state = 'subscribed'
    this.#seenAtMs = this.context.clock.monotonic()
    this.#member?.subscribe(message)
  }

  // Access ----------------------------------------------------------------------------------------

  async #greet(hello: MessageOf<'hello'>): Promise<void> {
    this.#isChecking = true
    const { sender, collection, credential } = hello
    const admitted = await admit(this.context, this.caller, collection, credential)
    this.#isChecking = false
    if (this.#state !== 'hello' || sender.role !== 'peer') return
    if (!admitted.ok) {
      this.close(admitted.refusal.code)
      return
    }
    const announced = this.caller.announced?.instance
    if (announced !== undefined && credential.kind === 'voucher' && announced !== hello.instance) {
      this.close('unauthenticated')
      return
    }
    // Instances are no secret. Who may do less than the one that is there is not that one come back;
    // or its old link is dead, and will have been found to be by the next try.
    const present = this.#owner.collection(collection).sessions.get(hello.instance)?.access
    if (present !== undefined && isMore(present, admitted.value.access)) {
      this.close('unavailable', this.context.limits.retryAfterMs)
      return
    }
    this.#stopCounting?.()
    this.#stopCounting = undefined
    this.#state = 'proven'
    this.#admitted = admitted.value
    this.maxMessageBytes = Math.min(hello.maxMessageBytes, messageBounds.maxBytes)
    this.channel.limitMessages(messageBounds.maxBytes)
    this.channel.limitFastFrames(hello.maxFrameBytes)
    this.context.counters.proven++
    const joined = this.#owner.collection(collection)
    const lease = { collection, replica: sender.replica, instance: hello.instance }
    this.#member = new Membership(this, joined, this.#owner.hints, lease)
    const before = joined.enter(this, hello.instance)
    this.#owner.proven()
    const { log, instance } = this.context
    this.send({
      type: 'hello',
      version: protocolVersion,
      sender: {
        role: 'archive',
        archive: log.archive,
        term: log.term,
        grant: grantOf(this.context, admitted.value),
      },
      instance,
      collection,
      credential: { kind: 'none' },
      maxFrameBytes: frameBounds.maxBytes,
      maxMessageBytes: messageBounds.maxBytes,
      cursors: [],
    })
    // The same instance came back before its old link was seen to be dead. Everybody hears that the
    // old one has gone: this one too, so not before its hello.
    before?.close('going-away')
    this.context.deadlines.set(this, this.#nextDeadlineMs())
  }

  async #renew({ credential }: MessageOf<'renew'>): Promise<void> {
    if (this.#isChecking || this.#member === undefined) {
      this.fault('too-many', 'renew')
      return
    }
    this.#isChecking = true
    const { name } = this.#member.collection
    const admitted = await admit(this.context, this.caller, name, credential)
    this.#isChecking = false
    if (this.#state === 'closing') return
    if (!admitted.ok) {
      // What was given before holds as long as it was given for.
      this.fault(admitted.refusal.code, 'renew')
      return
    }
    this.#admitted = admitted.value
    this.#closeAtMs = undefined
    this.send({ type: 'granted', grant: grantOf(this.context, admitted.value) })
    this.reader?.hold(false)
    this.#checkExpiry()
    this.context.deadlines.set(this, this.#nextDeadlineMs())
  }

  #checkExpiry(): void {
    const { clock, limits } = this.context
    const admitted = this.#admitted
    if (admitted === undefined || this.#closeAtMs !== undefined) return
    if (clock.now() < admitted.expiresAtMs) return
    this.#closeAtMs = clock.monotonic() + limits.renewWithinMs
    this.reader?.hold(true)
    this.send({ type: 'error', code: 'token-expired' })
  }

  #nextDeadlineMs(): number {
    const { clock, limits } = this.context
    if (this.#closeAtMs !== undefined) return this.#closeAtMs - clock.monotonic()
    const expiresInMs = (this.#admitted?.expiresAtMs ?? Infinity) - clock.now()
    return Math.min(expiresInMs, limits.leaseSeenMs)
  }

  // The end ---------------------------------------------------------------------------------------

  #ended(closed: ChannelClosed): void {
    this.#leave(closed.code)
    this.#owner.closed(this)
  }

  #leave(code: ErrorCode | undefined): void {
    if (this.#state === 'closing') return
    const was = this.#state
    this.#state = 'closing'
    this.context.deadlines.clear(this)
    this.#stopCounting?.()
    const isLast = this.collection?.leave(this, this.instance) === true
    this.#member?.close(isLast)
    this.#owner.hints.left(this)
    this.#owner.left(this, was, code)
  }
}

function isMore(one: Access, other: Access): boolean {
  return accessLevels.indexOf(one) > accessLevels.indexOf(other)
}
