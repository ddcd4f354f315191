/** A process of ours that answers commands over IPC, each within a bound. */
import { fork, type ChildProcess } from 'node:child_process'

export class Child<C extends object> {
  readonly first: unknown
  readonly #process: ChildProcess
  readonly #pending = new Map<number, (answer: Answer) => void>()
  #lastId = 0

  private constructor(child: ChildProcess, first: unknown) {
    this.#process = child
    this.first = first
    child.on('message', (message) => {
      const answer = message as Answer
      this.#pending.get(answer.id)?.(answer)
    })
    child.on('exit', (code, signal) => {
      for (const settle of this.#pending.values()) {
        settle({ id: 0, error: `the process ended: ${signal ?? code}` })
      }
    })
  }

  static async start<C extends object>(main: string, args: readonly string[]): Promise<Child<C>> {
    const child = fork(new URL(main, import.meta.url), args, {
      execArgv: ['--expose-gc', '--max-old-space-size=8192'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const first = await new Promise<unknown>((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', (code) => reject(new Error(`${main} ended before it began: ${code}`)))
    })
    return new Child<C>(child, first)
  }

  call<Name extends keyof C & string>(
    name: Name,
    args: C[Name] extends (...args: infer A) => unknown ? A : never,
    withinMs = 60_000,
  ): Promise<C[Name] extends (...args: never[]) => infer R ? Awaited<R> : never> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      const settle = ({ value, error }: Omit<Answer, 'id'>): void => {
        clearTimeout(timer)
        this.#pending.delete(id)
        if (error === undefined) resolve(value as never)
        else reject(new Error(`${name}: ${error}`))
      }
      const timer = setTimeout(
        () => settle({ error: `no answer in ${withinMs / 1_000} s` }),
        withinMs,
      )
      this.#pending.set(id, settle)
      if (this.#process.connected) this.#process.send({ id, name, args })
      else settle({ error: 'the process has ended' })
    })
  }

  stop(): void {
    this.#process.kill('SIGKILL')
  }
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}
