/** `holdfast-signal` in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.js', import.meta.resolve('@holdfast/signal')))

export interface LogLine {
  readonly msg: string
  readonly port?: number
}

export class SignalProcess {
  readonly port: number
  readonly #process: ChildProcess
  /** Everything that it has logged. */
  readonly log: readonly LogLine[]

  constructor(process: ChildProcess, port: number, log: readonly LogLine[]) {
    this.#process = process
    this.port = port
    this.log = log
  }

  /**
   * Starts it on a free port of loopback, and waits until it listens.
   *
   * @param enter put before its command
   */
  static async start(
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    enter: readonly string[] = [],
  ): Promise<SignalProcess> {
    // The soft limit of open files is often 1,024: as many as are allowed.
    const script = `ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"`
    const all = ['-c', script, process.execPath, main, '--port', '0', ...args]
    const [command = '', ...rest] = [...enter, 'bash', ...all]
    const child = spawn(command, rest, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    })
    const log: LogLine[] = []
    const port = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (text) => {
        const line = JSON.parse(text) as LogLine
        log.push(line)
        if (line.port !== undefined) resolve(line.port)
      })
      child.on('close', () => reject(new Error('holdfast-signal ended before it listened')))
    })
    return new SignalProcess(child, port, log)
  }

  get isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** One of its metrics, by its whole name with labels; 0 for one that it has not. */
  async metric(name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/metrics`)
    const line = (await response.text()).split('\n').find((line) => line.startsWith(`${name} `))
    return line === undefined ? 0 : Number(line.slice(name.length + 1))
  }

  residentBytes(): Promise<number> {
    return this.metric('process_resident_memory_bytes')
  }

  /** Ends it as a supervisor does; gives its exit code. */
  async terminate(): Promise<number | null> {
    // By the close its output has been read to the end.
    const exited = once(this.#process, 'close')
    this.#process.kill('SIGTERM')
    const [code] = (await exited) as [number | null]
    return code
  }

  /** Ends it at once; resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.isAlive) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }
}
