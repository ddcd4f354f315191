import {
  agoText,
  barText,
  bytesText,
  type Command,
  countOf,
  countText,
  numberText,
  printable,
  tableText,
} from '@holdfast/command'
import {
  inspectLog,
  type InspectedCollection,
  type InspectedDocument,
  type InspectedLease,
  type InspectedQuarantine,
  type LogInspection,
} from '../../tools/inspect-log.js'
import { isoOf } from '../../tools/instant.adapter.js'
import { logAt, targetFlags, targetIn } from './targets.js'

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'shows what is in it, largest first',
  operands: ['FILE'],
  flags: [
    ...targetFlags.slice(0, 1),
    { name: 'limit', value: 'N', help: 'Lines of each list', default: '20' },
    { name: 'json', help: 'As JSON' },
  ],
  about: `
Collections, documents, who reads them and how far they are, what was set aside. Reads counters only,
so it is quick for any size, and may run while an archive is writing.`,
  examples: [
    ['inspect data/archive.db', 'an overview'],
    ['inspect data/archive.db --collection notes --limit 100', 'more of one collection'],
  ],
  run: async (given, { terminal, clock }) => {
    const file = logAt(given.operand('FILE'))
    const { collection } = targetIn(file, given)
    const limit = countOf(given, 'limit')
    const found = inspectLog(file, {
      ...(collection !== undefined && { collection }),
      ...(limit !== undefined && { limit }),
    })
    terminal.write(
      given.isOn('json')
        ? `${JSON.stringify(found, undefined, 2)}\n`
        : inspectionText(found, clock.now()),
    )
    return 0
  },
}

/** What was found, as a person reads it. */
export function inspectionText(found: LogInspection, nowMs: number): string {
  const { file, fileBytes, walBytes, archive, version, terms, counts } = found
  const wal = walBytes > 0 ? ` and ${bytesText(walBytes)} beside it` : ''
  const opened =
    terms === 0
      ? 'never opened'
      : `opened ${countText(terms, 'time')}, last ${agoText(found.lastOpenedAtMs, nowMs)}`
  return [
    `${file}: ${bytesText(fileBytes)}${wal}`,
    `archive ${archive}, version ${version}, made ${isoOf(found.createdAtMs)}, ${opened}`,
    '',
    section('collections', found.collections.length, found.collections, collectionTable),
    section('documents', counts.documents, found.documents, documentTable),
    section('leases', counts.leases, found.leases, (leases) => leaseTable(leases, nowMs)),
    section('quarantined', counts.quarantined, found.quarantined, (list) =>
      quarantineTable(list, nowMs),
    ),
  ].join('\n')
}

function section<Row>(
  title: string,
  count: number,
  rows: readonly Row[],
  table: (rows: readonly Row[]) => string,
): string {
  if (count === 0) return `No ${title}\n`
  const shown = rows.length < count ? ` (${numberText(rows.length)} shown)` : ''
  return `${numberText(count)} ${title}${shown}\n${table(rows)}`
}

function collectionTable(rows: readonly InspectedCollection[]): string {
  const largest = Math.max(...rows.map(bytesOfCollection))
  return tableText(rows, [
    { title: '  name', of: ({ name }) => `  ${printable(name)}` },
    { title: 'head', of: ({ head }) => numberText(head), isNumber: true },
    { title: 'documents', of: ({ documents }) => numberText(documents), isNumber: true },
    { title: 'deleted', of: ({ deleted }) => numberText(deleted), isNumber: true },
    { title: 'gapped', of: ({ gapped }) => numberText(gapped), isNumber: true },
    { title: 'rows', of: (row) => numberText(row.rows), isNumber: true },
    { title: 'in rows', of: ({ rowBytes }) => bytesText(rowBytes), isNumber: true },
    { title: 'in snapshots', of: (row) => bytesText(row.snapshotBytes), isNumber: true },
    { title: '', of: (row) => barText(bytesOfCollection(row) / Math.max(1, largest), barWidth) },
  ])
}

function documentTable(rows: readonly InspectedDocument[]): string {
  const largest = Math.max(...rows.map(bytesOfDocument))
  return tableText(rows, [
    { title: '  name', of: (row) => `  ${printable(`${row.collection}/${row.document.id}`)}` },
    { title: 'gen', of: ({ document }) => numberText(document.generation), isNumber: true },
    { title: 'last', of: ({ lastSeq }) => numberText(lastSeq), isNumber: true },
    { title: 'pruned', of: (row) => numberText(row.prunedThrough), isNumber: true },
    { title: 'rows', of: ({ tailRows }) => numberText(tailRows), isNumber: true },
    { title: 'in rows', of: ({ tailBytes }) => bytesText(tailBytes), isNumber: true },
    { title: 'snapshot', of: (row) => bytesText(row.snapshotBytes), isNumber: true },
    { title: '', of: (row) => barText(bytesOfDocument(row) / Math.max(1, largest), barWidth) },
    { title: '', of: remarkOf },
  ])
}

function remarkOf({ deleted, gapped, parkedRows, failures, lastError }: InspectedDocument): string {
  const remarks = [
    ...(deleted ? ['deleted'] : []),
    ...(gapped ? [`${countText(parkedRows, 'row')} waiting for what is missing`] : []),
    ...(failures > 0 ? [`compaction failed ${failures} times: ${printable(lastError)}`] : []),
  ]
  return remarks.join(', ')
}

function leaseTable(leases: readonly InspectedLease[], nowMs: number): string {
  return tableText(leases, [
    { title: '  collection', of: ({ collection }) => `  ${printable(collection)}` },
    { title: 'replica', of: ({ replica }) => short(replica) },
    { title: 'instance', of: ({ instance }) => short(instance) },
    { title: 'sent', of: ({ sent }) => numberText(sent), isNumber: true },
    { title: 'acked', of: ({ ack }) => numberText(ack), isNumber: true },
    { title: 'behind', of: ({ behind }) => numberText(behind), isNumber: true },
    { title: 'seen', of: ({ seenAtMs }) => agoText(seenAtMs, nowMs), isNumber: true },
  ])
}

function quarantineTable(list: readonly InspectedQuarantine[], nowMs: number): string {
  return tableText(list, [
    { title: '  document', of: (one) => `  ${printable(`${one.collection}/${one.document.id}`)}` },
    { title: 'seq', of: ({ seq }) => (seq === undefined ? '' : numberText(seq)), isNumber: true },
    { title: 'size', of: ({ size }) => bytesText(size), isNumber: true },
    { title: 'when', of: ({ atMs }) => agoText(atMs, nowMs), isNumber: true },
    { title: 'why', of: ({ reason }) => printable(reason) },
  ])
}

const barWidth = 16

function bytesOfCollection({ rowBytes, snapshotBytes }: InspectedCollection): number {
  return rowBytes + snapshotBytes
}

function bytesOfDocument({ tailBytes, snapshotBytes }: InspectedDocument): number {
  return tailBytes + snapshotBytes
}

/** Ids are random: eight digits tell them apart. JSON has them whole. */
function short(id: string): string {
  return id.slice(0, 8)
}
