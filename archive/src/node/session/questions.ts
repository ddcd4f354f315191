import {
  encodeMessage,
  type ErrorCode,
  type Message,
  type MessageType,
} from '@holdfast/peer/protocol'
import type { Participant } from '../participant.js'

export interface Question {
  readonly about: MessageType
  readonly request: number
  /** Kept of it until it is answered. */
  readonly bytes: number
  readonly answer: () => Promise<void>
}

/** The bulk lane of a link, for whoever can wait. */
export interface BulkLane {
  /** When the link has room for more. Never, once it has ended. */
  room(): Promise<void>
  /** Puts a message in the lane, as soon as it is taken. */
  say(message: Message): Promise<void>
  sayEncoded(bytes: Uint8Array): Promise<void>
}

/**
 * What one session asks and is answered in the bulk lane: one thing after the other, each when the
 * link has room. So nothing waits in memory but the questions, and these are bounded.
 */
export class Questions implements BulkLane {
  readonly #session: Participant
  readonly #waiting: Question[] = []
  #bytes = 0
  #isWorking = false

  constructor(session: Participant) {
    this.#session = session
  }

  ask(question: Question): void {
    const { limits } = this.#session.context
    const bytes = this.#bytes + question.bytes
    if (this.#waiting.length >= limits.maxQuestions || bytes > limits.maxQuestionBytes) {
      const { retryAfterMs } = limits
      this.#session.fault(tooMany, question.about, { request: question.request, retryAfterMs })
      return
    }
    this.#bytes = bytes
    this.#waiting.push(question)
    if (!this.#isWorking) void this.#work()
  }

  room(): Promise<void> {
    const { channel, context } = this.#session
    const maxBytes = context.limits.maxInFlightBytes / 2
    if (channel.waitingBytes <= maxBytes) return Promise.resolve()
    return new Promise((resolve) => channel.onceBelow(maxBytes, resolve))
  }

  say(message: Message): Promise<void> {
    return this.sayEncoded(encodeMessage(message))
  }

  async sayEncoded(bytes: Uint8Array): Promise<void> {
    const { channel } = this.#session
    await this.room()
    // A message of any size is taken when nothing else waits in its lane.
    while (!channel.sendEncoded(bytes, 'bulk') && channel.isOpen) {
      await new Promise<void>((resolve) => channel.onceBelow(Infinity, resolve))
    }
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    for (;;) {
      const question = this.#waiting[0]
      if (question === undefined || this.#session.state === 'closing') break
      await this.room()
      try {
        await question.answer()
      } catch (error) {
        this.#session.storageFailed(error, question.about, question.request)
      }
      this.#waiting.shift()
      this.#bytes -= question.bytes
    }
    this.#isWorking = false
  }
}

const tooMany: ErrorCode = 'too-many'
