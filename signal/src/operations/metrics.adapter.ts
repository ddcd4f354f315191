/** The counters in Prometheus' format. A registry of its own: a host may have others. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Counters } from '../counters.js'

export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
}

/** @param ofProcess also memory, CPU and event loop of the process, for whoever has it to himself */
export function createMetrics(counters: Counters, ofProcess: boolean): Metrics {
  const registry = new Registry()
  if (ofProcess) collectDefaultMetrics({ register: registry })
  for (const [name, { help, read }] of Object.entries(gauges)) {
    const gauge: Gauge = new Gauge({
      name: `holdfast_signal_${name}`,
      help,
      registers: [registry],
      collect: () => {
        gauge.set(read(counters))
      },
    })
  }
  for (const [name, { help, read }] of Object.entries(totals)) {
    const counter: Counter = new Counter({
      name: `holdfast_signal_${name}_total`,
      help,
      registers: [registry],
      collect: () => {
        counter.reset()
        counter.inc(read(counters))
      },
    })
  }
  for (const [name, { help, read }] of Object.entries(totalsByCode)) {
    const counter: Counter = new Counter({
      name: `holdfast_signal_${name}_total`,
      help,
      labelNames: ['code'],
      registers: [registry],
      collect: () => {
        counter.reset()
        for (const [code, count] of read(counters)) counter.inc({ code }, count)
      },
    })
  }
  return { contentType: registry.contentType, text: () => registry.metrics() }
}

interface Metric<T> {
  readonly help: string
  readonly read: (counters: Counters) => T
}

const gauges: Readonly<Record<string, Metric<number>>> = {
  sockets: { help: 'Sockets that are open', read: (counters) => counters.sockets },
  rooms: { help: 'Rooms with at least one member', read: (counters) => counters.rooms },
  members: { help: 'Memberships in rooms', read: (counters) => counters.members },
  relays: { help: 'Relays asked for or open', read: (counters) => counters.relays },
  topics: { help: 'Topics of y-webrtc clients', read: (counters) => counters.topics },
}

const totals: Readonly<Record<string, Metric<number>>> = {
  joins: { help: 'Joins that were accepted', read: (counters) => counters.joins },
  leaves: { help: 'Memberships that ended', read: (counters) => counters.leaves },
  received: { help: 'Text messages taken in', read: (counters) => counters.received },
  deliveries: { help: 'Text messages given to sockets', read: (counters) => counters.deliveries },
  signals: { help: 'Signals passed on', read: (counters) => counters.signals },
  relayed_frames: { help: 'Frames passed on', read: (counters) => counters.relayedFrames },
  relayed_bytes: { help: 'Bytes of frames passed on', read: (counters) => counters.relayedBytes },
}

const totalsByCode: Readonly<Record<string, Metric<ReadonlyMap<string, number>>>> = {
  refusals: { help: 'What was refused, by error code', read: (counters) => counters.refusals },
  closes: { help: 'Sockets that the server closed', read: (counters) => counters.closes },
}
