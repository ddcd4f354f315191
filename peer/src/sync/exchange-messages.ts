/** What an exchange says about a document, read from the documents when it is its turn to leave. */
import {
  messageBounds,
  messageKinds,
  type DocumentRef,
  type ErrorCode,
  type MessageOf,
} from '../protocol/index.js'
import type { Clock, Logger } from '../ports/index.js'
import { AnswerBudget } from './answer-budget.js'
import type { Documents } from './documents.js'

interface ExchangeMessagesOptions {
  readonly documents: Documents
  readonly clock: Clock
  readonly logger: Logger
  /** The longest message that they take. */
  readonly theirMaxMessageBytes: number
}

export class ExchangeMessages {
  readonly #options: ExchangeMessagesOptions
  readonly #budget: AnswerBudget

  constructor(options: ExchangeMessagesOptions) {
    this.#options = options
    this.#budget = new AnswerBudget(options.clock)
  }

  /** "This is what I have: send what I lack." Undefined: the document cannot be read. */
  async state(
    document: DocumentRef,
    request: number,
    inReturn: boolean,
  ): Promise<MessageOf<'state'> | undefined> {
    const { documents } = this.#options
    let stateVector
    try {
      stateVector = await documents.stateVector(document)
    } catch (error) {
      this.#unreadable(document, error)
      return undefined
    }
    const holding = documents.holding(document.id)
    const isSame = holding?.document.generation === document.generation
    const digest = isSame ? holding.digest : undefined
    return {
      type: 'state',
      request,
      document,
      stateVector: stateVector ?? emptyStateVector,
      ...(digest === undefined ? {} : { digest }),
      inReturn,
    }
  }

  /** What they lack who hold `vector`. */
  async update(
    request: number,
    document: DocumentRef,
    vector: Uint8Array,
  ): Promise<MessageOf<'update'> | MessageOf<'error'>> {
    const answer = await this.#budget.spend(document, () =>
      this.#difference(request, document, vector),
    )
    return answer ?? errorAbout(request, document, 'rate-limited')
  }

  async #difference(
    request: number,
    document: DocumentRef,
    vector: Uint8Array,
  ): Promise<MessageOf<'update'> | MessageOf<'error'>> {
    const { documents, theirMaxMessageBytes } = this.#options
    let bytes
    try {
      bytes = (await documents.difference(document, vector)) ?? emptyUpdate
    } catch (error) {
      this.#unreadable(document, error)
      return errorAbout(request, document, 'storage-failed')
    }
    const isTooLarge =
      bytes.length > messageBounds.maxUpdateBytes ||
      bytes.length + headerBytes > theirMaxMessageBytes
    return isTooLarge
      ? errorAbout(request, document, 'document-too-large')
      : { type: 'update', document, cause: { kind: 'state', request }, bytes }
  }

  #unreadable({ generation }: DocumentRef, error: unknown): void {
    const { logger } = this.#options
    logger.error('a document cannot be read', { generation, error: String(error) })
  }
}

/** In place of an answer to their state. */
export function errorAbout(
  request: number,
  document: DocumentRef,
  code: ErrorCode,
): MessageOf<'error'> {
  return { type: 'error', code, message: messageKinds.state.number, request, document }
}

const emptyStateVector = Uint8Array.of(0)
const emptyUpdate = Uint8Array.of(0, 0)
/** What stands around an update in its message. */
const headerBytes = 512
