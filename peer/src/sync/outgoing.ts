import type { Channel } from '../links/channel.js'
import type { Undo } from '../ports/index.js'
import { encodeMessage, type Message } from '../protocol/index.js'
import { syncBounds as bounds } from './limits.js'

/** Makes a message when its turn has come, so that it says what holds then, and waits as a name. */
export type Make = () => Message | undefined

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

  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (this.#channel.hasRoom('bulk')) {
      const make = this.#next()
      if (make === undefined) break
      const message = make()
      if (message !== undefined) this.#channel.sendEncoded(encodeMessage(message), 'bulk')
    }
    this.#isPumping = false
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
