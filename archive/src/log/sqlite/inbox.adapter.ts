import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import type { Answer, Call } from './rpc.js'

/**
 * The calls that reach a thread, in order. While it works on one, it may take along those that came
 * behind it and want the same.
 */
export class Inbox {
  readonly #port: MessagePort
  /** Came out of the port while something else was looked for: the next to be worked on. */
  readonly #waiting: Call[] = []
  /** Taken along with the call that is being worked on. */
  #taken: Call[] = []
  #values: readonly unknown[] = []

  constructor(port: MessagePort) {
    this.#port = port
  }

  /** Works on one call after the other. */
  onCall(work: (call: Call) => void): void {
    this.#port.on('message', (call: Call) => {
      work(call)
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        work(next)
      }
    })
  }

  /** The next call, if it has come and is one of this method. */
  take(method: string): Call | undefined {
    if (this.#waiting.length > 0) return undefined
    const received = receiveMessageOnPort(this.#port)
    if (received === undefined) return undefined
    const call = received.message as Call
    if (call.method !== method) {
      this.#waiting.push(call)
      return undefined
    }
    this.#taken.push(call)
    return call
  }

  /** What came of those that were taken, in order. */
  settleTaken(values: readonly unknown[]): void {
    this.#values = values
  }

  /** The answers to those that were taken: a failure is theirs, too. */
  answersToTaken(first: Answer): readonly Answer[] {
    const answers = this.#taken.map(({ call }, at) =>
      'error' in first ? { call, error: first.error } : { call, value: this.#values[at] },
    )
    this.#taken = []
    this.#values = []
    return answers
  }
}
