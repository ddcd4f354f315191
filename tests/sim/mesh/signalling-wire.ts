/** One connection to a signaller without its sockets, on virtual time: ordered, as slow each way. */
import type { Dial } from '@holdfast/peer'
import type { Clock } from '@holdfast/peer/ports'
import type { SocketListener, Switchboard } from '@holdfast/signal'

type ClientListener = Parameters<Dial>[0]
export type ServerEnd = Parameters<Switchboard['connect']>[0]

export interface SignallingWireOptions {
  readonly clock: Clock
  /** One way. */
  readonly delayMs: number
  readonly client: ClientListener
  /** The connection has come to the server. Undefined: nobody is there. */
  readonly accept: (socket: ServerEnd) => SocketListener | undefined
  /** Hands over what comes to the client's host. Default: at once. */
  readonly toHost?: (call: () => void) => void
  /** The server has said something. */
  readonly onSaid?: () => void
}

export class SignallingWire {
  /** Carries nothing any more, and nobody is told. */
  isCut = false
  readonly #options: SignallingWireOptions
  #server: SocketListener | undefined
  #isClientOver = false
  #isServerOver = false

  constructor(options: SignallingWireOptions) {
    this.#options = options
    this.#later(() => {
      if (this.#isClientOver) return
      this.#server = options.accept(this.#serverEnd)
      if (this.#server === undefined) this.snap()
      else this.#toClient(() => options.client.onOpen())
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
      this.#options.onSaid?.()
      this.#toClient(() => this.#options.client.onMessage(text))
    },
    sendBinary: (message, onFlushed) => {
      if (this.#isServerOver) return
      const bytes = message.slice()
      this.#toClient(() => this.#options.client.onMessage(bytes))
      this.#later(onFlushed)
    },
    close: (code) => {
      if (this.#isServerOver) return
      this.#isServerOver = true
      this.#endClient(code)
      this.#options.clock.after(0, () => this.#server?.onEnd())
    },
  }

  /** The server's machine says that there is nobody (any more). */
  snap(): void {
    this.#isServerOver = true
    this.#endClient(1006)
  }

  #endClient(code: number): void {
    this.#toClient(() => {
      this.#isClientOver = true
      this.#options.client.onClose(code)
    })
  }

  #toClient(call: () => void): void {
    const { toHost } = this.#options
    const deliver = (): void => {
      if (!this.#isClientOver) call()
    }
    this.#later(() => {
      if (toHost === undefined) deliver()
      else toHost(deliver)
    })
  }

  #later(call: () => void): void {
    const { clock, delayMs } = this.#options
    clock.after(delayMs, () => {
      if (!this.isCut) call()
    })
  }
}
