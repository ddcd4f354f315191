import { bytesText, type Command, countText, printable } from '@holdfast/command'
import { createCompactor } from '../../compaction/compactor.js'
import { createWorkerBuilder } from '../../compaction/worker-builder.adapter.js'
import { sizeOf } from '../../log/sqlite/files.adapter.js'
import { openSqliteLog } from '../../log/sqlite/sqlite-log.js'
import { compactLog, type CompactedDocument, type CompactReport } from '../../tools/compact-log.js'
import { logAt, targetFlags, targetIn } from './targets.js'

export const compactCommand: Command = {
  name: 'compact',
  summary: 'makes its documents small now',
  operands: ['FILE'],
  flags: [...targetFlags, { name: 'json', help: 'The report as JSON' }],
  about: `
Replaces each document's rows by a snapshot that is proven to hold them. An archive does so by itself
once it is worth it; this does it now, for all. Rows that a reader seen within a day has not got yet
stay. The room that this frees goes back to the file system, but for a little that new rows take.

Needs the log to itself: stop the archive first.`,
  examples: [
    ['compact data/archive.db', 'all documents'],
    ['compact data/archive.db --collection notes --document note-1', 'one document'],
  ],
  run: async (given, { terminal, clock, random, logger, signal, onProgress }) => {
    const file = logAt(given.operand('FILE'))
    const target = targetIn(file, given)
    const bytesBefore = sizeOf(file)
    const log = await openSqliteLog({ file, clock, random, logger })
    const builder = createWorkerBuilder({ clock })
    const compactor = createCompactor({ log, builder, clock, logger })
    // A long build ends at once, not after its document.
    const stop = (): void => void compactor.close()
    signal.addEventListener('abort', stop, { once: true })
    let report: CompactReport
    try {
      report = await compactLog(
        {
          log,
          compactor,
          collections: target.collections,
          ...(target.document !== undefined && { document: target.document }),
        },
        { clock, signal, onProgress },
      )
    } finally {
      signal.removeEventListener('abort', stop)
      await compactor.close()
      await log.close()
    }
    // What was freed has left the file only now.
    const whole = { ...report, fileBytesBefore: bytesBefore, fileBytesAfter: sizeOf(file) }
    terminal.write(given.isOn('json') ? `${JSON.stringify(whole, undefined, 2)}\n` : textOf(whole))
    return report.failed.length > 0 ? 1 : 0
  },
}

interface WholeReport extends CompactReport {
  readonly fileBytesBefore: number
  readonly fileBytesAfter: number
}

function textOf(report: WholeReport): string {
  const { documents, compacted, bytesBefore, bytesAfter, failed } = report
  const { fileBytesBefore, fileBytesAfter } = report
  return [
    ...failed.map(lineOf),
    `${countText(compacted, 'document')} of ${documents} compacted: ` +
      `${bytesText(bytesBefore)} before, ${bytesText(bytesAfter)} now`,
    `the file: ${bytesText(fileBytesBefore)} before, ${bytesText(fileBytesAfter)} now`,
    '',
  ].join('\n')
}

function lineOf({ collection, document, reason }: CompactedDocument): string {
  return `failed ${printable(`${collection}/${document.id}`)}: ${reason ?? ''}`
}
