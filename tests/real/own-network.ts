/** A network namespace for some processes of a test, whose one cable the test may pull. Linux, as root. */
import { execFileSync } from 'node:child_process'

export class OwnNetwork {
  /** This side's address on the cable, and the one of those in the namespace. */
  readonly outsideAddress: string
  readonly insideAddress: string
  /** Put before a command, runs it in the namespace. */
  readonly enter: readonly string[]
  readonly #name: string
  #isClosed = false

  /** Why there can be none on this machine; undefined if there can. */
  static get impossible(): string | undefined {
    if (process.platform !== 'linux') return 'network namespaces are Linux’s'
    return process.getuid?.() === 0 ? undefined : 'only root may make a network namespace'
  }

  /** @param number below 64, different for each network of a process */
  constructor(number = 0) {
    this.#name = `hf${process.pid}n${number}`
    // Of the blocks for benchmarks of devices, nobody's network: four addresses for each process.
    const at = ((process.pid * 64 + number) % 2 ** 15) * 4
    const address = (last: number): string => `198.${18 + (at >> 16)}.${(at >> 8) & 255}.${last}`
    this.outsideAddress = address((at & 255) + 1)
    this.insideAddress = address((at & 255) + 2)
    this.enter = ['ip', 'netns', 'exec', this.#name]
    ip('netns', 'add', this.#name)
    ip('link', 'add', this.#name, 'type', 'veth', 'peer', 'name', 'cable', 'netns', this.#name)
    ip('address', 'add', `${this.outsideAddress}/30`, 'dev', this.#name)
    this.#inside('ip', 'address', 'add', `${this.insideAddress}/30`, 'dev', 'cable')
    this.#inside('ip', 'link', 'set', 'lo', 'up')
    this.#inside('ip', 'link', 'set', 'cable', 'up')
    this.plugIn()
    this.#inside('ip', 'route', 'add', 'default', 'via', this.outsideAddress)
  }

  /** Nothing passes, either way; what is sent meanwhile is lost unless somebody sends it again. */
  unplug(): void {
    ip('link', 'set', this.#name, 'down')
  }

  plugIn(): void {
    ip('link', 'set', this.#name, 'up')
  }

  /** After the processes in it have ended. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    ip('link', 'delete', this.#name)
    ip('netns', 'delete', this.#name)
  }

  #inside(...command: string[]): void {
    ip('netns', 'exec', this.#name, ...command)
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
