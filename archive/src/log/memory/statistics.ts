import type { LogStatistics } from '../port.js'
import type { Counters } from './counters.js'
import { rebuild } from './rebuild.js'
import { allDocuments, bytesOfRows, bytesOfSnapshot, type Tables } from './tables.js'

export function statisticsOf(tables: Tables, counters: Counters, leases: number): LogStatistics {
  const documents = [...tables.collections.values()].flatMap((one) => [...allDocuments(one)])
  const snapshots = documents.flatMap((one) => one.snapshots)
  const rowBytes = sum(documents.map(({ rows }) => bytesOfRows(rows)))
  const snapshotBytes = sum(snapshots.map(bytesOfSnapshot))
  const gapped = documents.filter(({ gappedSinceMs }) => gappedSinceMs !== undefined)
  return {
    collections: tables.collections.size,
    documents: documents.length,
    rows: sum(documents.map(({ rows }) => rows.length)),
    rowBytes,
    snapshots: snapshots.length,
    snapshotBytes,
    gappedDocuments: gapped.length,
    failingDocuments: documents.filter(({ failedAttempts }) => failedAttempts > 0).length,
    parkedBytes: sum(gapped.map((table) => rebuild(table).parked.bytes)),
    quarantined: tables.quarantine.length,
    leases,
    appended: counters.appended,
    contained: counters.contained,
    refusedByCode: Object.fromEntries(counters.refusedByCode),
    groups: counters.groups,
    lastGroupOps: counters.lastGroupOps,
    published: counters.published,
    retiredRows: counters.retiredRows,
    failedCompactions: counters.failedCompactions,
    laggards: counters.laggards,
    fileBytes: rowBytes + snapshotBytes,
    walBytes: 0,
    freeBytes: 0,
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
