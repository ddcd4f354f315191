/**
 * A network namespace for some processes of a test, whose cable to the network outside the test may
 * pull, and which may be a router that hides what is behind it. Linux, as root.
 */
import { execFileSync } from 'node:child_process'

export class OwnNetwork {
  /** This side's address on the cable, and the one of those in the namespace. */
  readonly outsideAddress: string
  readonly insideAddress: string
  /** Put before a command, runs it in the namespace. */
  readonly enter: readonly string[]
  readonly #name: string
  readonly #outside: readonly string[]
  #isClosed = false

  /** Why there can be none on this machine; undefined if there can. */
  static get impossible(): string | undefined {
    if (process.platform !== 'linux') return 'network namespaces are Linux’s'
    return process.getuid?.() === 0 ? undefined : 'only root may make a network namespace'
  }

  /**
   * @param number below 64, different for each network of a process
   * @param outside to which the cable leads; by default the network of this process
   */
  constructor(number = 0, outside?: OwnNetwork) {
    this.#outside = outside?.enter ?? []
    this.#name = `hf${process.pid}n${number}`
    // Of the blocks for benchmarks of devices, nobody's network: four addresses for each process.
    const at = ((process.pid * 64 + number) % 2 ** 15) * 4
    const address = (last: number): string => `198.${18 + (at >> 16)}.${(at >> 8) & 255}.${last}`
    this.outsideAddress = address((at & 255) + 1)
    this.insideAddress = address((at & 255) + 2)
    this.enter = ['ip', 'netns', 'exec', this.#name]
    run('ip', 'netns', 'add', this.#name)
    const cable = ['type', 'veth', 'peer', 'name', 'cable', 'netns', this.#name]
    this.#outsideRun('ip', 'link', 'add', this.#name, ...cable)
    this.#outsideRun('ip', 'address', 'add', `${this.outsideAddress}/30`, 'dev', this.#name)
    this.#insideRun('ip', 'address', 'add', `${this.insideAddress}/30`, 'dev', 'cable')
    this.#insideRun('ip', 'link', 'set', 'lo', 'up')
    this.#insideRun('ip', 'link', 'set', 'cable', 'up')
    this.plugIn()
    this.#insideRun('ip', 'route', 'add', 'default', 'via', this.outsideAddress)
  }

  /** From now on it passes packets on between those that have it as their outside, and to its own. */
  route(): void {
    this.#insideRun('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
  }

  /**
   * Routes, and hides who is behind it, as the strictest of home routers do: another port for each
   * address that is spoken to, and nobody comes in who was not spoken to.
   */
  hide(): void {
    this.route()
    this.#insideRun('nft', 'add table ip nat')
    this.#insideRun('nft', 'add chain ip nat out { type nat hook postrouting priority 100 ; }')
    this.#insideRun('nft', 'add rule ip nat out oifname "cable" masquerade fully-random')
  }

  /** Nothing passes, either way; what is sent meanwhile is lost unless somebody sends it again. */
  unplug(): void {
    this.#outsideRun('ip', 'link', 'set', this.#name, 'down')
  }

  plugIn(): void {
    this.#outsideRun('ip', 'link', 'set', this.#name, 'up')
  }

  /** After the processes in it have ended, and those networks of which it is the outside. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#outsideRun('ip', 'link', 'delete', this.#name)
    run('ip', 'netns', 'delete', this.#name)
  }

  #outsideRun(...command: string[]): void {
    run(...this.#outside, ...command)
  }

  #insideRun(...command: string[]): void {
    run(...this.enter, ...command)
  }
}

function run(...[command = '', ...args]: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
