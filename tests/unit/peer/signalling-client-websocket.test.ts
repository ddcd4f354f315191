import {
  createSignalling,
  systemClock,
  systemRandom,
  webSocketDial,
  type RoomState,
  type Signalling,
  type SignallingRoom,
  type WebSocketConstructor,
} from '@holdfast/peer'
import { hexOf, parseInstanceId, parseReplicaId, type InstanceId } from '@holdfast/peer/protocol'
import { createSignalServer } from '@holdfast/signal'
import { describe, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { notes, taken } from './signalling-world.js'

describe('the WebSocket adapter', () => {
  test('[SIGC-21] refuses an address that is no WebSocket address', () => {
    expect(() => webSocketDial(WebSocket, 'https://example.org')).toThrow(/ws:\/\/.*https:/)
    expect(() => webSocketDial(WebSocket, 'wss://')).toThrow(RangeError)
  })

  test('[SIGC-21] reports a constructor that throws as nobody answering, later and once', async () => {
    const Forbidden = function () {
      throw new Error('a policy of the page')
    } as unknown as WebSocketConstructor
    const closes: number[] = []
    const socket = webSocketDial(
      Forbidden,
      'wss://example.org',
    )({
      onOpen: () => {},
      onMessage: () => {},
      onClose: (code) => closes.push(code),
    })
    socket.send('nothing happens')
    expect(closes).toEqual([])
    await Promise.resolve()
    expect(closes).toEqual([1006])
    socket.close()
    expect(closes).toHaveLength(1)
  })

  test('[SIGC-21] passes texts, bytes and the close code, and reports no end of its own making', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    server.on('connection', (ws) => {
      ws.on('message', (data, isBinary) => {
        const bytes = data as Buffer
        if (!isBinary && bytes.toString() === 'bye') ws.close(4009, 'going-away')
        else ws.send(bytes, { binary: isBinary })
      })
    })
    const heard: unknown[] = []
    const dial = webSocketDial(WebSocket, `ws://127.0.0.1:${port}`)
    const first = dial({
      onOpen: () => heard.push('open'),
      onMessage: (message) => heard.push(message),
      onClose: (code) => heard.push(code),
    })
    first.send('too early: this is not sent')
    await eventually(() => expect(heard).toEqual(['open']))
    first.send('text')
    first.send(Uint8Array.of(1, 2, 3))
    first.send('bye')
    await eventually(() => expect(heard).toHaveLength(4))
    expect(heard).toEqual(['open', 'text', Uint8Array.of(1, 2, 3), 4009])
    first.send('after the end')
    first.close()

    // Closed while it connects, and closed while it is open.
    const own: string[] = []
    const listener = {
      onOpen: () => own.push('open'),
      onMessage: () => own.push('message'),
      onClose: () => own.push('close'),
    }
    dial(listener).close()
    const open = dial(listener)
    await eventually(() => expect(own).toEqual(['open']))
    open.close(4001)
    await eventually(() => expect(server.clients.size).toBe(0))
    expect(own).toEqual(['open'])
    await new Promise((resolve) => server.close(resolve))

    const refused: number[] = []
    dial({ ...listener, onClose: (code) => refused.push(code) })
    await eventually(() => expect(refused).toEqual([1006]))
  })
})

test('[SIGC-1] [SIGC-16] two clients on real sockets: neighbours, signals, a relay, a restart', async () => {
  const options = { port: 0 } as const
  let server = await createSignalServer(options)
  const { port } = server
  const a = client(port)
  const b = client(port)
  const signals: string[] = []
  b.room.onSignal((from, access, data) => signals.push(`${from} ${access} ${data}`))
  await eventually(() => expect(a.neighbourIds()).toEqual([b.id]))
  await eventually(() => expect(b.neighbourIds()).toEqual([a.id]))
  a.room.signal(b.id, 'offer')
  await eventually(() => expect(signals).toEqual([`${a.id} admin offer`]))

  let received = 0
  b.room.onRelayWanted((from) => {
    b.room.openRelay(from).onFrame((frame) => (received += frame.byteLength))
  })
  const relay = a.room.openRelay(b.id)
  for (let at = 0; at < 8; at++) relay.send(new Uint8Array(65_536))
  await eventually(() => expect(received).toBe(524_288))

  await server.close()
  await eventually(() => expect(a.room.state.phase).toBe('offline'))
  expect(a.neighbourIds()).toEqual([b.id])
  server = await createSignalServer({ port })
  const joined = (): void => expect([a.room.state.phase, b.room.state.phase]).toEqual(both)
  const both: RoomState['phase'][] = ['joined', 'joined']
  await eventually(joined)
  expect(a.neighbourIds()).toEqual([b.id])
  a.signalling.close()
  b.signalling.close()
  await server.close()
})

/** Real sockets take their time on a busy machine. */
function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 40_000 })
}

function client(port: number): {
  signalling: Signalling
  room: SignallingRoom
  id: InstanceId
  neighbourIds: () => InstanceId[]
} {
  const id = taken(parseInstanceId(hexOf(systemRandom.bytes(16))))
  const signalling = createSignalling({
    dial: webSocketDial(WebSocket, `ws://127.0.0.1:${port}/signal`),
    clock: systemClock,
    random: systemRandom,
    identity: { instance: id, replica: taken(parseReplicaId(hexOf(systemRandom.bytes(16)))) },
  })
  const room = signalling.join(notes)
  return { signalling, room, id, neighbourIds: () => room.neighbours.map((one) => one.id) }
}
