import type { Channel } from '../links/channel.js'
import type { Undo } from '../ports/index.js'
import { encodeMessage, type Message } from '../protocol/index.js'
import { syncBounds as bounds } from './limits.js'

/**
 * Makes a message when its turn has come, so that it says what holds then, and waits as a name. What
 * stands behind it waits for it, so the order is kept. It may not reject.
 */
export type Make = () => Message | undefined | Promise<Message | undefined>

/**
 * What a link still has to say in bulk. Two queues, so that two sides that ask much of each other
 * never wait for one another: answers go first, questions only while few are open.
 */
export class Outgoing {
  readonly #channel: Channel
  readonly #mayAsk: () => boolean
  readonly #stop: Undo
  #answers: Make[] = []
  #questions: Make[] = []
  #answersAt = 0
  #questionsAt = 0
  /** What the lane had no room for. */
  #unsent: Uint8Array | undefined
  #isPumping = false

  constructor(channel: Channel, mayAsk: () => boolean) {
    this.#channel = channel
    this.#mayAsk = mayAsk
    this.#stop = channel.onRoom(() => this.pump())
  }

  close(): void {
    this.#stop()
    this.#answers = []
    this.#questions = []
    this.#unsent = undefined
  }

  get waitingAnswers(): number {
    return this.#answers.length - this.#answersAt
  }

  get waitingQuestions(): number {
    return this.#questions.length - this.#questionsAt
  }

  get hasTooManyAnswers(): boolean {
    return this.waitingAnswers > bounds.maxOpenAnswers
  }

  answer(make: Make): void {
    this.#answers.push(make)
    this.pump()
  }

  ask(make: Make): void {
    this.#questions.push(make)
    this.pump()
  }

  /** Says what there is to say, until the lane is full. The channel tells when it has room again. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#channel.isOpen && this.#sendUnsent()) {
      const make = this.#next()
      if (make === undefined) break
      const message = make()
      if (message instanceof Promise) {
        void this.#pumpBehind(message)
        return
      }
      this.#encode(message)
    }
    this.#isPumping = false
  }

  async #pumpBehind(promised: Promise<Message | undefined>): Promise<void> {
    this.#encode(await promised)
    this.#isPumping = false
    this.pump()
  }

  #encode(message: Message | undefined): void {
    if (message !== undefined && this.#channel.isOpen) this.#unsent = encodeMessage(message)
  }

  /** False: the lane has no room for it. */
  #sendUnsent(): boolean {
    if (this.#unsent === undefined) return true
    if (!this.#channel.sendEncoded(this.#unsent, 'bulk')) return false
    this.#unsent = undefined
    return true
  }

  #next(): Make | undefined {
    const answer = this.#answers[this.#answersAt]
    if (answer !== undefined) {
      if (++this.#answersAt > 256) {
        this.#answers = this.#answers.slice(this.#answersAt)
        this.#answersAt = 0
      }
      return answer
    }
    const question = this.#questions[this.#questionsAt]
    if (question === undefined || !this.#mayAsk()) return undefined
    if (++this.#questionsAt > 256) {
      this.#questions = this.#questions.slice(this.#questionsAt)
      this.#questionsAt = 0
    }
    return question
  }
}
