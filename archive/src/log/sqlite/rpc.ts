import { fromWire, toWire, type WireError } from './wire-error.js'

/** A call on its way to another thread. */
export interface Call {
  readonly call: number
  readonly method: string
  readonly args: readonly unknown[]
}

/** What came of it. */
export type Answer =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: WireError }

/** The calling side: numbers calls, and finds the promise to each answer. */
export class Calls {
  readonly #post: (call: Call, transfer: readonly ArrayBuffer[]) => void
  readonly #pending = new Map<number, Pending>()
  #last = 0
  #end: Error | undefined

  constructor(post: (call: Call, transfer: readonly ArrayBuffer[]) => void) {
    this.#post = post
  }

  /** The types are the caller's to know: it names the method of the other side's. */
  call<Result>(
    method: string,
    args: readonly unknown[],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Result> {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    const call = ++this.#last
    return new Promise((resolve, reject) => {
      this.#pending.set(call, { resolve: resolve as (value: unknown) => void, reject })
      this.#post({ call, method, args }, transfer)
    })
  }

  answer(answer: Answer): void {
    const pending = this.#pending.get(answer.call)
    this.#pending.delete(answer.call)
    if ('error' in answer) pending?.reject(fromWire(answer.error))
    else pending?.resolve(answer.value)
  }

  /** There will be no more answers. Idempotent. */
  end(error: Error): void {
    this.#end ??= error
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** The answering side: runs one call. */
export function answerTo(
  { call, method, args }: Call,
  methods: Readonly<Record<string, (...args: never[]) => unknown>>,
): Answer {
  try {
    const run = methods[method] as ((...args: readonly unknown[]) => unknown) | undefined
    if (run === undefined) throw new Error(`there is no method ${method}`)
    return { call, value: run(...args) }
  } catch (error) {
    return { call, error: toWire(error, method) }
  }
}
