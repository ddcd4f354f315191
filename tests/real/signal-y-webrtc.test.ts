import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '@holdfast/peer/ports'
import {
  createSignalServer,
  createTokenVerifier,
  mintToken,
  type SignalServer,
  type SignalServerOptions,
} from '@holdfast/signal'

const child = fileURLToPath(new URL('../dist/children/signal-y-webrtc.js', import.meta.url))
const secret = 'a secret of thirty-two bytes or more'
const toClose: (() => unknown)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close()
})

describe('unmodified y-webrtc 10.3 clients', () => {
  for (const password of ['', 'a password']) {
    const how = password === '' ? 'without' : 'with'
    test(`[SIG-24] ${how} password find each other through the server and sync`, async () => {
      const server = await signalServer()
      const url = `ws://127.0.0.1:${server.port}/y-webrtc`
      const a = await client(url, 'room', password)
      a.set('from', 'a')
      const b = await client(url, 'room', password)
      await b.until((map) => map['from'] === 'a')
      b.set('back', 'b')
      await a.until((map) => map['back'] === 'b')
      expect(server.counters).toMatchObject({ topics: 1, sockets: 2 })
      expect([...server.counters.refusals]).toEqual([])

      // The server's going leaves the standing connection alone.
      await server.close()
      a.set('after', 'the server')
      await b.until((map) => map['after'] === 'the server')
    })
  }

  test('[SIG-24] come in with a token in the URL, and not without', async () => {
    const server = await signalServer({
      tokens: await createTokenVerifier({ secret }, systemClock),
    })
    const access = { 'team/*': 'write' } as const
    const token = await mintToken({ secret, access, expiresInMs: 60_000 }, systemClock)
    const url = `ws://127.0.0.1:${server.port}/y-webrtc`
    const a = await client(`${url}?token=${token}`, 'team/1')
    const b = await client(`${url}?token=${token}`, 'team/1')
    a.set('from', 'a')
    await b.until((map) => map['from'] === 'a')
    const refused = new WebSocket(url)
    const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage]
    expect(response.statusCode).toBe(401)
    expect(server.counters.refusals.get('unauthenticated')).toBe(1)
  })
})

type Map = Readonly<Record<string, string>>

class Client {
  readonly #process: ChildProcess
  #map: Map = {}
  #isSubscribed = false
  #wake: () => void = () => {}

  constructor(url: string, room: string, password: string) {
    this.#process = fork(child, [url, room, password])
    this.#process.on('message', ({ map, subscribed }: { map?: Map; subscribed?: true }) => {
      this.#map = map ?? this.#map
      this.#isSubscribed ||= subscribed === true
      this.#wake()
    })
  }

  set(key: string, value: string): void {
    this.#process.send({ set: [key, value] })
  }

  /** The server knows it. */
  whenSubscribed(): Promise<void> {
    return this.#until(() => this.#isSubscribed)
  }

  until(condition: (map: Map) => boolean): Promise<void> {
    return this.#until(() => condition(this.#map))
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

async function signalServer(options: SignalServerOptions = {}): Promise<SignalServer> {
  const server = await createSignalServer({ port: 0, ...options })
  toClose.push(() => server.close())
  return server
}

/** A client that the server knows. */
async function client(url: string, room: string, password = ''): Promise<Client> {
  const made = new Client(url, room, password)
  toClose.push(() => made.kill())
  await made.whenSubscribed()
  return made
}
