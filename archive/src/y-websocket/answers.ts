/*
 * What the log holds beyond a state vector, as messages. Read and encoded once for all who ask for
 * the same while the document stays as it is: in a storm of joins everybody is given the same bytes,
 * which are in memory once, until the last of them has been taken.
 */
import { hexOf } from '@holdfast/peer/protocol'
import type { DocumentState } from '../log/port.js'
import type { StateBudget, StateLease } from './state-budget.js'
import { emptyUpdate, encodeUpdate } from './wire.js'

export interface Answer {
  readonly messages: readonly Uint8Array[]
  readonly bytes: number
  /** What whoever has taken all of it holds at the least, by vector and by seq. */
  readonly given: Uint8Array
  readonly through: number
}

export interface TakenAnswer extends Answer {
  /** To be called once the messages have left, or never will. Idempotent. */
  release(): void
}

export interface AnswersOptions {
  readonly states: StateBudget
  readonly read: (from: Uint8Array) => Promise<DocumentState | undefined>
  /** What is known to be durable of the document now. */
  readonly stateVector: () => Uint8Array
}

export class Answers {
  readonly #options: AnswersOptions
  readonly #sharedByKey = new Map<string, Shared>()
  /** Of the document: rises with each of its entries. */
  #version = 0

  constructor(options: AnswersOptions) {
    this.#options = options
  }

  /** The document has changed: nobody is given an earlier answer any more. */
  changed(): void {
    this.#version++
  }

  /** Rejects with what the log rejects with. */
  async take(type: 'step-2' | 'update', from: Uint8Array): Promise<TakenAnswer> {
    const key = `${this.#version} ${type} ${hexOf(from)}`
    const shared = this.#sharedByKey.get(key) ?? this.#begin(key, type, from)
    shared.users++
    let isTaken = true
    const release = (): void => {
      if (!isTaken) return
      isTaken = false
      if (--shared.users > 0) return
      if (this.#sharedByKey.get(key) === shared) this.#sharedByKey.delete(key)
      shared.lease?.end()
    }
    try {
      return { ...(await shared.answer), release }
    } catch (error) {
      release()
      throw error
    }
  }

  #begin(key: string, type: 'step-2' | 'update', from: Uint8Array): Shared {
    const shared: Shared = { users: 0, lease: undefined, answer: Promise.resolve(nothing) }
    shared.answer = this.#read(shared, type, from)
    this.#sharedByKey.set(key, shared)
    return shared
  }

  async #read(shared: Shared, type: 'step-2' | 'update', from: Uint8Array): Promise<Answer> {
    const { read, stateVector, states } = this.#options
    const lease = await states.begin()
    shared.lease = lease
    if (shared.users === 0) {
      // All who asked have gone while it waited for its turn.
      lease.end()
      return nothing
    }
    // Before the reading: whatever is told of during it may be in the state or not.
    const given = stateVector()
    const state = await read(from)
    const messages = [
      encodeUpdate(type, state?.bytes ?? emptyUpdate),
      ...(state?.parked ?? []).map((bytes) => encodeUpdate('update', bytes)),
    ]
    const bytes = messages.reduce((sum, message) => sum + message.byteLength, 0)
    if (shared.users > 0) lease.hold(bytes)
    return { messages, bytes, given, through: state?.through ?? 0 }
  }
}

interface Shared {
  users: number
  lease: StateLease | undefined
  answer: Promise<Answer>
}

const nothing: Answer = { messages: [], bytes: 0, given: Uint8Array.of(0), through: 0 }
