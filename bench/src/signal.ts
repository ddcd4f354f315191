/**
 * The signalling server beside y-webrtc's own, in one run and on the same work: rooms of eight, as
 * small teams have them. Time on the server's own processor is the steadier figure on a machine
 * that is shared.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { UsageError, type Figure, type Scenario } from './report.js'
import { holdfast, yWebrtc, type Protocol, type SignalClient } from './signal-clients.js'
import { startHoldfast, startYWebrtc, type MeasuredServer } from './signal-servers.js'

export const scenario: Scenario = {
  about: 'signalling beside y-webrtc’s server: joins, deliveries, idle sockets (60 s)',
  async run(args) {
    if (args.length > 0) throw new UsageError(`signal takes no options, got ${args.join(' ')}`)
    return run()
  },
}

export async function run(): Promise<readonly Figure[]> {
  const ours = await measure(startHoldfast, holdfast)
  const theirs = await measure(startYWebrtc, yWebrtc)
  const { deliveries, links } = await deliveriesOfEightJoins()
  return [
    {
      id: 'join-rate',
      what: `joins a second, ${joins} sockets in rooms of ${roomSize}`,
      figure: `${ours.joinsPerSecond.toFixed(0)}/s`,
      beside: `y-webrtc ${theirs.joinsPerSecond.toFixed(0)}/s`,
    },
    {
      id: 'join-cpu',
      what: 'server time a join, its connection included',
      figure: `${ours.joinMicros.toFixed(0)} µs`,
      beside: `y-webrtc ${theirs.joinMicros.toFixed(0)} µs`,
    },
    {
      id: 'signal-rate',
      what: 'signals that reach the one they are for, a second',
      figure: `${ours.signalsPerSecond.toFixed(0)}/s`,
      beside: `y-webrtc ${theirs.signalsPerSecond.toFixed(0)}/s`,
      goal: '≥ y-webrtc',
      met: ours.signalsPerSecond >= theirs.signalsPerSecond,
    },
    {
      id: 'signal-cpu',
      what: 'server time a signal',
      figure: `${ours.signalMicros.toFixed(1)} µs`,
      beside: `y-webrtc ${theirs.signalMicros.toFixed(1)} µs`,
    },
    {
      id: 'deliveries',
      what: 'deliveries a second, for whomever',
      figure: `${ours.deliveriesPerSecond.toFixed(0)}/s`,
      beside: `y-webrtc ${theirs.deliveriesPerSecond.toFixed(0)}/s`,
    },
    {
      id: 'M9',
      what: '8 joins, each link 6 signals (offer, answer, 2 × candidates a side): deliveries',
      figure: `${deliveries} = ${(deliveries / links).toFixed(1)} × ${links} links`,
      beside: 'y-webrtc 2,990 (its clients, before)',
      goal: '≤ 10 × links',
      met: deliveries <= 10 * links,
    },
    {
      id: 'R9',
      what: `${idleSockets} idle sockets: memory of the server`,
      figure: `${(ours.idleBytes / 1e6).toFixed(0)} MB`,
      beside: `y-webrtc ${(theirs.idleBytes / 1e6).toFixed(0)} MB`,
      goal: '≤ 250 MB',
      met: ours.idleBytes <= 250e6,
    },
    {
      id: 'idle-socket',
      what: 'the same, above the empty server, a socket',
      figure: `${((ours.idleBytes - ours.emptyBytes) / idleSockets / 1024).toFixed(1)} KiB`,
      beside: `y-webrtc ${((theirs.idleBytes - theirs.emptyBytes) / idleSockets / 1024).toFixed(1)} KiB`,
    },
  ]
}

const roomSize = 8
const joins = 1_000
const idleSockets = 5_000
/** Signals on their way between two clients: enough to keep the server busy. */
const signalsInFlight = 16
const signalSeconds = 4

interface Measured {
  readonly joinsPerSecond: number
  readonly joinMicros: number
  readonly signalsPerSecond: number
  readonly signalMicros: number
  readonly deliveriesPerSecond: number
  readonly emptyBytes: number
  readonly idleBytes: number
}

async function measure(
  start: () => Promise<MeasuredServer>,
  protocol: Protocol,
): Promise<Measured> {
  const server = await start()
  try {
    const emptyBytes = server.residentBytes()
    const clients = await joinMany(server, protocol, 0, 200)
    const startMs = performance.now()
    const startCpuMs = server.cpuMs()
    clients.push(...(await joinMany(server, protocol, 200, joins)))
    const joinMs = performance.now() - startMs
    const joinCpuMs = server.cpuMs() - startCpuMs
    const signals = await exchangeSignals(server, clients.slice(0, 64))
    clients.push(
      ...(await joinMany(server, protocol, clients.length, idleSockets - clients.length)),
    )
    // What the handshakes have left behind is collected when the server comes to rest.
    await sleep(3_000)
    const idleBytes = server.residentBytes()
    for (const client of clients) client.close()
    return {
      joinsPerSecond: (joins / joinMs) * 1000,
      joinMicros: (joinCpuMs / joins) * 1000,
      ...signals,
      emptyBytes,
      idleBytes,
    }
  } finally {
    server.stop()
  }
}

async function joinMany(
  server: MeasuredServer,
  protocol: Protocol,
  first: number,
  count: number,
): Promise<SignalClient[]> {
  const clients: SignalClient[] = []
  const atOnce = 50
  for (let at = 0; at < count; at += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - at) }, (_, n) => {
      const number = first + at + n
      return protocol.join(server.port, number, `room ${Math.floor(number / roomSize)}`)
    })
    clients.push(...(await Promise.all(some)))
  }
  return clients
}

/** Neighbours throw signals to and fro, each answered as it comes. */
async function exchangeSignals(
  server: MeasuredServer,
  clients: readonly SignalClient[],
): Promise<Pick<Measured, 'signalsPerSecond' | 'signalMicros' | 'deliveriesPerSecond'>> {
  const data = 'x'.repeat(1_000)
  let signals = 0
  let isOver = false
  for (const client of clients) {
    client.onSignal = (from) => {
      signals++
      if (!isOver) client.signal(from, data)
    }
  }
  for (let at = 0; at + 1 < clients.length; at += 2) {
    for (let count = 0; count < signalsInFlight; count++) {
      clients[at]?.signal(clients[at + 1]?.id ?? '', data)
    }
  }
  await sleep(1_000)
  const before = {
    signals,
    cpuMs: server.cpuMs(),
    received: receivedBy(clients),
    ms: performance.now(),
  }
  await sleep(signalSeconds * 1_000)
  const seconds = (performance.now() - before.ms) / 1_000
  const counted = signals - before.signals
  const cpuMs = server.cpuMs() - before.cpuMs
  const received = receivedBy(clients) - before.received
  isOver = true
  await sleep(500)
  return {
    signalsPerSecond: counted / seconds,
    signalMicros: (cpuMs / counted) * 1_000,
    deliveriesPerSecond: received / seconds,
  }
}

async function deliveriesOfEightJoins(): Promise<{ deliveries: number; links: number }> {
  const server = await startHoldfast()
  try {
    const clients: SignalClient[] = []
    for (let number = 0; number < roomSize; number++) {
      clients.push(await holdfast.join(server.port, number, 'room'))
    }
    let links = 0
    for (const [at, caller] of clients.entries()) {
      for (const callee of clients.slice(at + 1)) {
        links++
        for (const data of ['offer', 'candidates', 'candidates']) caller.signal(callee.id, data)
        for (const data of ['answer', 'candidates', 'candidates']) callee.signal(caller.id, data)
      }
    }
    const expected = roomSize + links + links * 6
    while (receivedBy(clients) < expected) await sleep(10)
    // Whatever came beyond would come now.
    await sleep(200)
    const deliveries = receivedBy(clients)
    for (const client of clients) client.close()
    return { deliveries, links }
  } finally {
    server.stop()
  }
}

function receivedBy(clients: readonly SignalClient[]): number {
  return clients.reduce((sum, { received }) => sum + received, 0)
}
