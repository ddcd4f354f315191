import type { DocumentRef, ErrorCode, Message, MessageOf } from '@holdfast/peer/protocol'
import type { LeaseKey } from '../../log/port.js'
import type { Collection } from '../fan-out/collection.js'
import type { Reader } from '../fan-out/reader.js'
import type { Hints } from '../hints/hints.js'
import type { Participant } from '../participant.js'
import { Offers, type Offered } from './offers.js'
import { Pushes } from './pushes.js'
import { Serving, type ServedMessage } from './serving.js'
import { Subscribing } from './subscribing.js'

/**
 * What one who has proved who it is does in its collection. Each part is made for the first message
 * that needs it: most readers only ever subscribe.
 */
export class Membership {
  readonly collection: Collection
  /** Its name in the collection, subscribed or not. */
  readonly lease: LeaseKey
  readonly #session: Participant
  readonly #hints: Hints
  #pushes: Pushes | undefined
  #subscribing: Subscribing | undefined
  #serving: Serving | undefined
  #offers: Offers | undefined
  #neighbours: MessageOf<'neighbours'> | undefined

  constructor(session: Participant, collection: Collection, hints: Hints, lease: LeaseKey) {
    this.#session = session
    this.collection = collection
    this.#hints = hints
    this.lease = lease
  }

  get reader(): Reader | undefined {
    return this.#subscribing?.reader
  }

  get offers(): readonly Offered[] {
    return [...(this.#offers?.all ?? [])]
  }

  /** Takes what was offered of a document: asks for it, and takes the reader's uploads of it. */
  acceptOffer(document: DocumentRef): boolean {
    if (this.#offers?.accept(document) !== true) return false
    this.#serve().accept(document)
    return true
  }

  mayUpload(document: DocumentRef): boolean {
    return this.#offers?.isAccepted(document) === true
  }

  subscribe(message: MessageOf<'subscribe'>): void {
    this.#subscribing ??= new Subscribing(this.#session, this.collection, this.lease)
    this.#serving?.startOver()
    void this.#subscribing.subscribe(message)
  }

  /** What anybody may say at any time once it is there. The session hears the rest itself. */
  hear(message: Message): void {
    const { presence } = this.collection
    switch (message.type) {
      case 'push':
        this.#pushes ??= new Pushes(this.#session, this.collection)
        this.#pushes.push(message, this.#neighbours)
        return
      case 'ack':
        if (this.#subscribing === undefined) this.#session.fault(unexpected, 'ack')
        else this.#subscribing.ack(message)
        return
      case 'neighbours':
        this.#neighbours = message
        presence.neighbours(this.#session, message.instances)
        return
      case 'viewing':
        presence.viewing(this.#session, message)
        return
      case 'presence':
        if (this.#session.access !== undefined) presence.said(this.#session, message)
        return
      case 'offer':
        this.#offers ??= new Offers()
        this.#offers.hear(message)
        return
      case 'compared':
      case 'error':
        // An answer to what was asked here: what does not come is asked for again another time.
        return
      case 'fetch':
      case 'state':
      case 'summary':
      case 'hint':
        this.#ask(message)
        return
      case 'resynced':
        if (this.#subscribing === undefined) this.#session.fault(unexpected, 'resynced')
        else this.#subscribing.resynced(message)
        return
      default:
        this.#session.fault(unexpected, message.type)
    }
  }

  /** Its link still answers. */
  seen(): void {
    this.#subscribing?.seen()
  }

  /** Calls `then` when all that was pushed is answered. */
  onceAnswered(then: () => void): void {
    if (this.#pushes === undefined) then()
    else this.#pushes.onceIdle(then)
  }

  /** @param isLast whether no other link of this instance has taken over */
  close(isLast: boolean): void {
    this.#subscribing?.close(isLast)
  }

  #ask(message: ServedMessage): void {
    const request = 'request' in message ? { request: message.request } : {}
    if (this.#session.access !== undefined) this.#serve().hear(message, this.#subscribing)
    else this.#session.fault('token-expired', message.type, request)
  }

  #serve(): Serving {
    this.#serving ??= new Serving(this.#session, this.collection, this.#hints)
    return this.#serving
  }
}

const unexpected: ErrorCode = 'unexpected-message'
