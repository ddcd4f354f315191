import { fork, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import type { CallerAnswer, CallerCommand } from '../children/mesh-caller.js'

/** A peer in a process of its own. */
export class MeshCaller {
  readonly #process: ChildProcess
  /** By collection: of each at most one. */
  readonly #waiting = new Map<string, (answer: CallerAnswer) => void>()

  /** @param enter put before its command */
  constructor(args: readonly string[], enter: readonly string[] = []) {
    const script = resolve(import.meta.dirname, '../dist/children/mesh-caller.js')
    const [execPath, ...execArgv] = [...enter, process.execPath]
    this.#process = fork(script, args, { execPath, execArgv })
    this.#process.on('message', (answer: CallerAnswer) => {
      const collection = 'left' in answer ? answer.left : answer.collection
      this.#waiting.get(collection)?.(answer)
      this.#waiting.delete(collection)
    })
  }

  ask(command: CallerCommand, collection: string): Promise<CallerAnswer> {
    return new Promise((resolve) => {
      this.#waiting.set(collection, resolve)
      this.#process.send(command)
    })
  }

  end(): void {
    this.#process.disconnect()
  }
}
