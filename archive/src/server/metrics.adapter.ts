/** What the archive does, in Prometheus' format. A registry of its own: a host may have others. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { FollowedCollection } from '../follow/follower.js'
import type { LogStatistics } from '../log/port.js'
import type { NodeStatistics } from '../node/statistics.js'
import type { RoomsStatistics } from '../rooms/rooms.js'
import type { YWebsocketCounters } from '../y-websocket/counters.js'
import type { ServerCounters } from './counters.js'

/** One look at everything, taken when somebody asks. */
interface Sample {
  readonly log: LogStatistics
  readonly node: NodeStatistics
  readonly server: ServerCounters
  readonly yWebsocket: YWebsocketCounters
  readonly followed: readonly FollowedCollection[]
  /** Undefined: no signallers, or no WebRTC. */
  readonly rooms: RoomsStatistics | undefined
  /** Undefined where the disk would not say. */
  readonly diskFreeBytes: number | undefined
  readonly isReady: boolean
}

export interface Metrics {
  readonly contentType: string
  text(sample: Sample): Promise<string>
  /** An append took so long from being asked for to being answered. */
  observeCommit(tookMs: number): void
}

/** @param ofProcess also memory, CPU and event loop of the process, for whoever has it to himself */
export function createMetrics(ofProcess: boolean): Metrics {
  const registry = new Registry()
  if (ofProcess) collectDefaultMetrics({ register: registry })
  const latency = new Histogram({
    name: 'holdfast_archive_commit_seconds',
    help: 'From an append to its answer, fsync included',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  })
  const writers = [
    ...Object.entries(gauges).map(([name, { help, read }]) => {
      const gauge = new Gauge({ name: `${prefix}${name}`, help, registers: [registry] })
      return (sample: Sample) => gauge.set(read(sample))
    }),
    ...Object.entries(totals).map(([name, { help, read }]) => {
      const counter = new Counter({
        name: `${prefix}${name}_total`,
        help,
        registers: [registry],
      })
      return (sample: Sample) => {
        counter.reset()
        counter.inc(read(sample))
      }
    }),
    ...Object.entries(totalsByLabel).map(([name, { help, labels, read }]) => {
      const counter = new Counter({
        name: `${prefix}${name}_total`,
        help,
        labelNames: labels,
        registers: [registry],
      })
      return (sample: Sample) => {
        counter.reset()
        for (const [values, count] of read(sample)) counter.inc(values, count)
      }
    }),
  ]
  return {
    contentType: registry.contentType,
    text(sample) {
      for (const write of writers) write(sample)
      return registry.metrics()
    },
    observeCommit: (tookMs) => latency.observe(tookMs / 1000),
  }
}

const prefix = 'holdfast_archive_'

interface Metric {
  readonly help: string
  readonly read: (sample: Sample) => number
}

const gauges: Readonly<Record<string, Metric>> = {
  ready: {
    help: '1 while the log is open and the disk takes bytes',
    read: ({ isReady }) => Number(isReady),
  },
  sockets: { help: 'Sockets that are open, of all kinds', read: ({ server }) => server.sockets },
  sessions: { help: 'Peers that are connected', read: ({ node }) => node.sessions },
  readers: { help: 'Subscriptions of peers', read: ({ node }) => node.readers },
  readers_at_head: { help: 'Of these, at the head', read: ({ node }) => node.readersAtHead },
  readers_paused: {
    help: 'Readers whose link is full just now',
    read: ({ node, yWebsocket }) => node.waitingReaders + yWebsocket.behind,
  },
  reader_lag_entries: {
    help: 'How far the farthest reader is behind',
    read: ({ node }) => node.largestLag,
  },
  y_websocket_sockets: {
    help: 'y-websocket clients that are connected',
    read: ({ yWebsocket }) => yWebsocket.sockets,
  },
  y_websocket_documents: {
    help: 'Documents that y-websocket clients have open',
    read: ({ yWebsocket }) => yWebsocket.documents,
  },
  last_group_ops: { help: 'Ops of the last commit', read: ({ log }) => log.lastGroupOps },
  collections: { help: 'Collections in the log', read: ({ log }) => log.collections },
  documents: { help: 'Documents in the log', read: ({ log }) => log.documents },
  documents_gapped: {
    help: 'Documents that wait for something missing',
    read: ({ log }) => log.gappedDocuments,
  },
  documents_failing: {
    help: 'Documents that compaction failed on, until it succeeds; inspect names them',
    read: ({ log }) => log.failingDocuments,
  },
  rows: { help: 'Entries that no snapshot has replaced', read: ({ log }) => log.rows },
  row_bytes: { help: 'Bytes of these', read: ({ log }) => log.rowBytes },
  snapshots: { help: 'Snapshots', read: ({ log }) => log.snapshots },
  snapshot_bytes: { help: 'Bytes of these', read: ({ log }) => log.snapshotBytes },
  parked_bytes: { help: 'Bytes that wait for predecessors', read: ({ log }) => log.parkedBytes },
  quarantined: { help: 'Bytes set aside, in pieces', read: ({ log }) => log.quarantined },
  leases: { help: 'Readers that are remembered', read: ({ log }) => log.leases },
  file_bytes: { help: 'Size of the file', read: ({ log }) => log.fileBytes },
  file_free_bytes: { help: 'Of the file: holds nothing now', read: ({ log }) => log.freeBytes },
  wal_bytes: { help: 'Size of the write-ahead log', read: ({ log }) => log.walBytes },
  followed_collections: {
    help: 'Collections that are followed in another archive',
    read: ({ followed }) => followed.length,
  },
  followed_collections_live: {
    help: 'Of these, at the head of what the other archive has',
    read: ({ followed }) => followed.filter(({ phase }) => phase === 'live').length,
  },
  followed_lag_entries: {
    help: 'Entries of the followed archive that are not here yet, as far as it said',
    read: ({ followed }) =>
      followed.reduce((sum, { head = 0, seq }) => sum + Math.max(0, head - seq), 0),
  },
  followed_open_ops: {
    help: 'Own entries that went to the followed archive and are not answered',
    read: ({ followed }) => followed.reduce((sum, { open }) => sum + open, 0),
  },
  signallers: {
    help: 'Signallers in whose rooms the archive is',
    read: ({ rooms }) => rooms?.signallers ?? 0,
  },
  signallers_calling: {
    help: 'Of these, those that tell in which rooms somebody is',
    read: ({ rooms }) => rooms?.calling ?? 0,
  },
  rooms: { help: 'Rooms to be in, over all signallers', read: ({ rooms }) => rooms?.rooms ?? 0 },
  rooms_joined: { help: 'Of these, those it is in now', read: ({ rooms }) => rooms?.joined ?? 0 },
  room_links: {
    help: 'WebRTC links that stand with peers of these rooms',
    read: ({ rooms }) => rooms?.links ?? 0,
  },
  disk_free_bytes: {
    help: 'What the file system still takes; NaN if it would not say',
    read: ({ diskFreeBytes }) => diskFreeBytes ?? Number.NaN,
  },
}

const totals: Readonly<Record<string, Metric>> = {
  appended: { help: 'Ops that became entries', read: ({ log }) => log.appended },
  contained: { help: 'Ops that the log held already', read: ({ log }) => log.contained },
  groups: { help: 'Commits', read: ({ log }) => log.groups },
  pushed_ops: { help: 'Ops that peers pushed', read: ({ node }) => node.pushedOps },
  y_websocket_updates: {
    help: 'Updates that y-websocket clients sent',
    read: ({ yWebsocket }) => yWebsocket.received,
  },
  pages: { help: 'Pages of the stream that were sent', read: ({ node }) => node.pages },
  resyncs: { help: 'Peers that were compared with', read: ({ node }) => node.resyncs },
  reader_pauses: {
    help: 'Times that a reader had to wait for its link',
    read: ({ node, yWebsocket }) => node.pauses + yWebsocket.fellBehind,
  },
  compactions: {
    help: 'Compactions that were carried out',
    read: ({ server }) => server.compacted,
  },
  compactions_failed: {
    help: 'Compactions that failed and wait',
    read: ({ log }) => log.failedCompactions,
  },
  freed_rows: { help: 'Entries that compaction removed', read: ({ log }) => log.retiredRows },
  freed_bytes: {
    help: 'Bytes by which compacted documents became smaller',
    read: ({ server }) => server.freedBytes,
  },
  laggards: {
    help: 'Peers that lacked what they had acknowledged',
    read: ({ log }) => log.laggards,
  },
  log_failures: {
    help: 'Appends that failed for a reason of the archive',
    read: ({ server }) => server.logFailures,
  },
}

interface LabelledMetric {
  readonly help: string
  readonly labels: readonly string[]
  readonly read: (sample: Sample) => Iterable<readonly [Record<string, string>, number]>
}

const totalsByLabel: Readonly<Record<string, LabelledMetric>> = {
  refusals: {
    help: 'What was refused, by where and by error code',
    labels: ['at', 'code'],
    *read({ log, node, server, yWebsocket }) {
      yield* byCode('op', Object.entries(log.refusedByCode))
      yield* byCode('peer', Object.entries(node.errorsByCode))
      yield* byCode('door', server.refusals)
      yield* byCode('y-websocket', yWebsocket.refusals)
    },
  },
  closes: {
    help: 'Links with peers that have ended, by error code',
    labels: ['code'],
    *read({ node }) {
      for (const [code, count] of Object.entries(node.closedByCode)) yield [{ code }, count]
    },
  },
}

function* byCode(
  at: string,
  counts: Iterable<readonly [string, number]>,
): Iterable<readonly [Record<string, string>, number]> {
  for (const [code, count] of counts) yield [{ at, code }, count]
}
