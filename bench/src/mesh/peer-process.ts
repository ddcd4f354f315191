/** Peers in processes of their own, and rooms of them with the signalling server that they need. */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startHoldfast, startYWebrtc, type MeasuredServer } from '../signal-servers.js'
import type { PeerCommands, PeerKind } from './peer-commands.js'

/** Beyond what a command itself may take: a process that does not answer is broken. */
const answerWithinMs = 30_000

export class PeerProcess {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #lastId = 0

  private constructor(child: ChildProcess, kind: PeerKind) {
    this.#child = child
    child.on('message', (message) => this.#heard(message as Answer))
    child.on('exit', (code, signal) => {
      const error = new Error(`a ${kind} peer ended: ${signal ?? code}`)
      for (const pending of this.#pending.values()) pending.fail(error)
      this.#pending.clear()
    })
  }

  static async start(kind: PeerKind, counting: boolean): Promise<PeerProcess> {
    const main = fileURLToPath(new URL('peer-main.js', import.meta.url))
    const child = fork(main, counting ? [kind, 'counting'] : [kind], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve())
      child.once('exit', (code) => reject(new Error(`a peer ended before it began: ${code}`)))
    })
    return new PeerProcess(child, kind)
  }

  /** @param withinMs what the command itself may take */
  call<Name extends keyof PeerCommands>(
    name: Name,
    args: Parameters<PeerCommands[Name]>,
    withinMs = 0,
  ): Promise<Awaited<ReturnType<PeerCommands[Name]>>> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      const timer = setTimeout(
        () => fail(new Error(`${name} is not answered`)),
        withinMs + answerWithinMs,
      )
      const fail = (error: Error): void => {
        clearTimeout(timer)
        this.#pending.delete(id)
        reject(error)
      }
      this.#pending.set(id, {
        fail,
        done: (value) => {
          clearTimeout(timer)
          this.#pending.delete(id)
          resolve(value as Awaited<ReturnType<PeerCommands[Name]>>)
        },
      })
      if (!this.#child.connected) fail(new Error('this peer has ended'))
      else this.#child.send({ id, name, args })
    })
  }

  /** Without a word: neither the process nor its connections say goodbye. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Nothing runs in it any more, and its sockets stay open. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  #heard({ id, value, error }: Answer): void {
    const pending = this.#pending.get(id)
    if (error === undefined) pending?.done(value)
    else pending?.fail(new Error(error))
  }
}

interface Pending {
  readonly done: (value: unknown) => void
  readonly fail: (error: Error) => void
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** So many peers of one kind with their own signalling server. */
export interface Crowd {
  readonly kind: PeerKind
  readonly peers: readonly PeerProcess[]
  /** The address that a peer joins at. */
  readonly server: string
  readonly freshRoom: () => string
}

/**
 * Starts a crowd, lets `use` have it, and kills it in the end, whatever happens.
 *
 * @param options.counting whether edits on the wire are counted, which costs a little
 */
export async function withCrowd<T>(
  kind: PeerKind,
  size: number,
  use: (crowd: Crowd) => Promise<T>,
  options: { readonly counting?: boolean } = {},
): Promise<T> {
  const peers: PeerProcess[] = []
  let server: MeasuredServer | undefined
  let rooms = 0
  try {
    server = await (kind === 'holdfast' ? startHoldfast() : startYWebrtc())
    while (peers.length < size) peers.push(await PeerProcess.start(kind, options.counting === true))
    return await use({
      kind,
      peers,
      server: `ws://127.0.0.1:${server.port}${kind === 'holdfast' ? '/signal' : ''}`,
      freshRoom: () => `room-${++rooms}`,
    })
  } finally {
    for (const peer of peers) peer.kill()
    server?.stop()
  }
}
