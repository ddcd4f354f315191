import { copyOf, type DocumentRef, type MessageOf } from '@holdfast/peer/protocol'
import type { Collection } from '../fan-out/collection.js'
import type { Hints } from '../hints/hints.js'
import type { Participant } from '../participant.js'
import { Comparing } from '../resync/comparing.js'
import { answerFetch } from './fetching.js'
import { Questions } from './questions.js'
import type { Subscribing } from './subscribing.js'

export type ServedMessage =
  | MessageOf<'fetch'>
  | MessageOf<'state'>
  | MessageOf<'summary'>
  | MessageOf<'hint'>

/** What a session asks besides its stream: made for the first such question. */
export class Serving {
  readonly #session: Participant
  readonly #collection: Collection
  readonly #hints: Hints
  readonly #questions: Questions
  readonly #comparing: Comparing

  constructor(session: Participant, collection: Collection, hints: Hints) {
    this.#session = session
    this.#collection = collection
    this.#hints = hints
    this.#questions = new Questions(session)
    this.#comparing = new Comparing(session, collection, this.#questions)
  }

  startOver(): void {
    this.#comparing.startOver()
  }

  hear(message: ServedMessage, subscribing: Subscribing | undefined): void {
    switch (message.type) {
      case 'fetch':
        this.#fetch(message)
        return
      case 'state':
        this.#state(message)
        return
      case 'hint':
        this.#hint(message, subscribing)
        return
      case 'summary':
        this.#questions.ask({
          about: 'summary',
          request: message.request,
          bytes: bytesOf(message),
          answer: () => this.#comparing.summary(message),
        })
    }
  }

  accept(document: DocumentRef): void {
    const answer = (): Promise<void> => this.#comparing.accept(document)
    this.#questions.ask({ about: 'offer', request: 0, bytes: 0, answer })
  }

  #fetch(message: MessageOf<'fetch'>): void {
    const { request, what } = message
    const own =
      what.by === 'seq'
        ? message
        : { ...message, what: { ...what, stateVector: copyOf(what.stateVector) } }
    this.#questions.ask({
      about: 'fetch',
      request,
      bytes: what.by === 'seq' ? 0 : what.stateVector.length,
      answer: () => answerFetch(this.#session, this.#collection, own, this.#questions),
    })
  }

  #state(message: MessageOf<'state'>): void {
    const { request } = message
    const stateVector = copyOf(message.stateVector)
    this.#questions.ask({
      about: 'state',
      request,
      bytes: stateVector.length,
      answer: () => this.#comparing.state({ ...message, stateVector }),
    })
  }

  #hint(message: MessageOf<'hint'>, subscribing: Subscribing | undefined): void {
    const snapshot = copyOf(message.snapshot)
    this.#questions.ask({
      about: 'hint',
      request: 0,
      bytes: Math.min(snapshot.length, 1024 * 1024),
      answer: () =>
        this.#hints.hear(this.#session, subscribing?.reader, { ...message, snapshot }, (document) =>
          this.#comparing.compareOne(document),
        ),
    })
  }
}

/** What is kept of a summary while it waits. */
function bytesOf({ by }: MessageOf<'summary'>): number {
  if (by.kind === 'tree') return by.nodes.length * entryBytes
  const documents = by.kind === 'page' ? by.documents : by.dirty
  return documents.reduce((sum, { document }) => sum + document.id.length + entryBytes, 0)
}

/** A digest, and what stands around it. */
const entryBytes = 64
