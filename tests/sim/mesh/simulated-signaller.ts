/** The real signalling server without its sockets, in a simulated world, and hosts that dial it. */
import type { Dial } from '@holdfast/peer'
import type { Life, World } from '@holdfast/peer/testing'
import {
  createSwitchboard,
  type SocketListener,
  type Switchboard,
  type SwitchboardOptions,
} from '@holdfast/signal'

/** One way, in milliseconds. */
const delayMs = 15

type ClientListener = Parameters<Dial>[0]

export class SimulatedSignaller {
  readonly #world: World
  readonly #options: Partial<SwitchboardOptions>
  readonly #wires = new Set<Wire>()
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
    for (const wire of this.#wires) wire.snap()
    this.#wires.clear()
    this.#world.count('signaller crashed')
  }

  /** The machine at the other end is gone; the server does not notice. */
  loseHost(host: string): void {
    for (const wire of this.#wires) if (wire.host === host) wire.isCut = true
  }

  dialFrom(life: Life): Dial {
    return (client) => {
      const wire: Wire = new Wire(this.#world, life, client, (socket) => {
        if (this.#switchboard === undefined) return undefined
        this.#wires.add(wire)
        return this.#switchboard.connect(socket)
      })
      return wire.clientEnd
    }
  }
}

type ServerEnd = Parameters<Switchboard['connect']>[0]

class Wire {
  readonly host: string
  /** Carries nothing any more, and nobody is told. */
  isCut = false
  readonly #world: World
  readonly #life: Life
  readonly #client: ClientListener
  #server: SocketListener | undefined
  #isClientOver = false
  #isServerOver = false

  constructor(
    world: World,
    life: Life,
    client: ClientListener,
    accept: (socket: ServerEnd) => SocketListener | undefined,
  ) {
    this.host = life.host
    this.#world = world
    this.#life = life
    this.#client = client
    this.#later(() => {
      if (this.#isClientOver) return
      this.#server = accept(this.#serverEnd)
      if (this.#server === undefined) this.snap()
      else this.#toClient(() => this.#client.onOpen())
    })
  }

  readonly clientEnd: ReturnType<Dial> = {
    send: (message) => {
      if (this.#isClientOver) return
      this.#later(() => {
        if (this.#isServerOver) return
        if (typeof message === 'string') this.#server?.onText(message, Buffer.byteLength(message))
        else this.#server?.onBinary(message)
      })
    },
    close: () => {
      if (this.#isClientOver) return
      this.#isClientOver = true
      this.#later(() => {
        if (this.#isServerOver) return
        this.#isServerOver = true
        this.#server?.onEnd()
      })
    },
  }

  readonly #serverEnd: ServerEnd = {
    bufferedBytes: 0,
    sendText: (text) => {
      if (this.#isServerOver) return
      this.#world.count('signaller said')
      this.#toClient(() => this.#client.onMessage(text))
    },
    sendBinary: (message, onFlushed) => {
      if (this.#isServerOver) return
      const bytes = message.slice()
      this.#toClient(() => this.#client.onMessage(bytes))
      this.#later(onFlushed)
    },
    close: (code) => {
      if (this.#isServerOver) return
      this.#isServerOver = true
      this.#endClient(code)
      this.#world.clock.after(0, () => this.#server?.onEnd())
    },
  }

  snap(): void {
    this.#isServerOver = true
    this.#endClient(1006)
  }

  #endClient(code: number): void {
    this.#toClient(() => {
      this.#isClientOver = true
      this.#client.onClose(code)
    })
  }

  /** Through the host's own clock: who is frozen hears it when it thaws, who is dead never. */
  #toClient(call: () => void): void {
    this.#later(() => {
      this.#life.clock.after(0, () => {
        if (!this.#isClientOver) call()
      })
    })
  }

  #later(call: () => void): void {
    this.#world.clock.after(delayMs, () => {
      if (!this.isCut) call()
    })
  }
}
