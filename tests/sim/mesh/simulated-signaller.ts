/** The real signalling server without its sockets, in a simulated world, and hosts that dial it. */
import type { Dial } from '@holdfast/peer'
import type { Life, World } from '@holdfast/peer/testing'
import { createSwitchboard, type Switchboard, type SwitchboardOptions } from '@holdfast/signal'
import { SignallingWire } from './signalling-wire.js'

/** One way, in milliseconds. */
const delayMs = 15

export class SimulatedSignaller {
  readonly #world: World
  readonly #options: Partial<SwitchboardOptions>
  readonly #hostByWire = new Map<SignallingWire, string>()
  #switchboard: Switchboard | undefined
  #starts = 0

  constructor(world: World, options: Partial<SwitchboardOptions> = {}) {
    this.#world = world
    this.#options = options
    this.start()
  }

  start(): void {
    this.#switchboard = createSwitchboard({
      clock: this.#world.clock,
      random: this.#world.random.fork(`signaller ${this.#starts++}`),
      ...this.#options,
    })
  }

  ensureUp(): void {
    if (this.#switchboard === undefined) this.start()
  }

  /** The process is killed: connections break, and new ones are refused until `start`. */
  crash(): void {
    this.#switchboard = undefined
    for (const wire of this.#hostByWire.keys()) wire.snap()
    this.#hostByWire.clear()
    this.#world.count('signaller crashed')
  }

  /** The machine at the other end is gone; the server does not notice. */
  loseHost(host: string): void {
    for (const [wire, at] of this.#hostByWire) if (at === host) wire.isCut = true
  }

  dialFrom(life: Life): Dial {
    return (client) => {
      const wire: SignallingWire = new SignallingWire({
        clock: this.#world.clock,
        delayMs,
        client,
        accept: (socket) => {
          if (this.#switchboard === undefined) return undefined
          this.#hostByWire.set(wire, life.host)
          return this.#switchboard.connect(socket)
        },
        // By the host's own clock: who is frozen hears it when it thaws, who is dead never.
        toHost: (call) => void life.clock.after(0, call),
        onSaid: () => this.#world.count('signaller said'),
      })
      return wire.clientEnd
    }
  }
}
