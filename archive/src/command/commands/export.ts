import { bytesText, type Command, countText, printable } from '@holdfast/command'
import { exportLog, type ExportReport } from '../../tools/export-log.js'
import { logAt, targetFlags, targetIn } from './targets.js'

export const exportCommand: Command = {
  name: 'export',
  summary: 'writes documents to Yjs update files',
  operands: ['FILE', 'FOLDER'],
  flags: [
    ...targetFlags,
    { name: 'with-deleted', help: 'Documents that were deleted, too' },
    { name: 'with-parked', help: 'Updates that wait for something that never came, too' },
    { name: 'json', help: 'The report as JSON' },
  ],
  about: `
One file a document, which Y.applyUpdate reads into an empty Y.Doc, and a manifest.json with the true
names and a checksum of each. FOLDER is made, or has to be empty. Changes nothing in the log, and may
run while an archive is writing: each document is as it was at one moment.`,
  examples: [
    ['export data/archive.db notes-export --collection notes', 'one collection'],
    ['export data/archive.db everything --with-deleted --with-parked', 'all that is there'],
  ],
  run: async (given, { terminal, clock, signal, onProgress }) => {
    const file = logAt(given.operand('FILE'))
    const { collection, document } = targetIn(file, given)
    const report = await exportLog(
      {
        file,
        folder: given.operand('FOLDER'),
        withDeleted: given.isOn('with-deleted'),
        withParked: given.isOn('with-parked'),
        ...(collection !== undefined && { collection }),
        ...(document !== undefined && { document }),
      },
      { clock, signal, onProgress },
    )
    terminal.write(
      given.isOn('json') ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report),
    )
    return report.damaged.length > 0 ? 1 : 0
  },
}

function textOf({ folder, documents, bytes, leftOut, damaged }: ExportReport): string {
  const lines = damaged.map(
    ({ collection, document, reason }) =>
      `damaged ${printable(`${collection}/${document.id}`)}: ${reason}`,
  )
  lines.push(`${countText(documents, 'document')}, ${bytesText(bytes)}, in ${folder}`)
  if (leftOut.deleted > 0) {
    lines.push(`left out: ${countText(leftOut.deleted, 'deleted document')} (--with-deleted)`)
  }
  if (leftOut.parked > 0) {
    lines.push(`left out: ${countText(leftOut.parked, 'waiting update')} (--with-parked)`)
  }
  return `${lines.join('\n')}\n`
}
