/** The least that a client of either server has to say, over the same WebSockets. */
import { once } from 'node:events'
import { WebSocket } from 'ws'

export interface SignalClient {
  readonly id: string
  /** Text messages that have arrived. */
  received: number
  /** Sends `data` to one other client of its room. */
  signal(to: string, data: string): void
  /** Called with each signal that is for this client. */
  onSignal: (from: string, data: string) => void
  close(): void
}

export interface Protocol {
  readonly name: string
  readonly path: string
  /** Joins a room; resolves when the server has answered. */
  join(port: number, number: number, room: string): Promise<SignalClient>
}

export const holdfast: Protocol = {
  name: 'Holdfast',
  path: '/signal',
  async join(port, number, collection) {
    const id = number.toString(16).padStart(32, '0')
    const socket = await open(port, '/signal')
    const client = clientOf(socket, id, (to, data) => ({ type: 'signal', collection, to, data }))
    const joined = new Promise<void>((resolve) => {
      listen(socket, client, (message) => {
        if (message.type === 'signal') client.onSignal(message.from ?? '', message.data as string)
        else if (message.type === 'joined') resolve()
        else if (message.type === 'ping') socket.send('{"type":"pong"}')
      })
    })
    const join = { type: 'join', version: 1, collection, replica: id, instance: id, role: 'peer' }
    socket.send(JSON.stringify(join))
    await joined
    return client
  },
}

interface YWebrtcData {
  readonly type: string
  readonly from: string
  readonly to?: string
  readonly signal?: string
}

/** As its provider does: subscribe, announce oneself, and take only what is for oneself. */
export const yWebrtc: Protocol = {
  name: 'y-webrtc',
  path: '/',
  async join(port, number, topic) {
    const id = `${number}`
    const socket = await open(port, '/')
    const publish = (data: YWebrtcData): object => ({ type: 'publish', topic, data })
    const client = clientOf(socket, id, (to, signal) =>
      publish({ type: 'signal', from: id, to, signal }),
    )
    const announced = new Promise<void>((resolve) => {
      listen(socket, client, (message) => {
        const data = message.data as YWebrtcData | undefined
        if (data?.to === id) client.onSignal(data.from, data.signal ?? '')
        else if (data?.from === id) resolve()
      })
    })
    socket.send(JSON.stringify({ type: 'subscribe', topics: [topic] }))
    socket.send(JSON.stringify(publish({ type: 'announce', from: id })))
    await announced
    return client
  },
}

interface Message {
  readonly type: string
  readonly from?: string
  readonly data?: unknown
}

async function open(port: number, path: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false })
  await once(socket, 'open')
  return socket
}

function clientOf(
  socket: WebSocket,
  id: string,
  signal: (to: string, data: string) => object,
): SignalClient {
  return {
    id,
    received: 0,
    signal: (to, data) => socket.send(JSON.stringify(signal(to, data))),
    onSignal: () => {},
    close: () => socket.terminate(),
  }
}

function listen(socket: WebSocket, client: SignalClient, take: (message: Message) => void): void {
  socket.on('message', (data: Buffer) => {
    client.received++
    take(JSON.parse(data.toString()) as Message)
  })
}
