import { type Command, countText, printable } from '@holdfast/command'
import { openSqliteLog } from '../../log/sqlite/sqlite-log.js'
import { assertExport, importFolder, type ImportReport } from '../../tools/import-log.js'
import { assertThere, logAt, targetFlags, targetOf } from './targets.js'

export const importCommand: Command = {
  name: 'import',
  summary: 'brings exported documents into a log',
  operands: ['FOLDER', 'FILE'],
  flags: [
    ...targetFlags,
    { name: 'with-deleted', help: 'Deletes what was deleted there, too' },
    { name: 'json', help: 'The report as JSON' },
  ],
  about: `
What the log has already is not stored twice: doing it again changes nothing, and what it holds beyond
the export stays. FILE is made if it is not there. Peers that read the log get what is new like any
other edit.

Needs the log to itself: stop the archive first.`,
  examples: [
    ['import notes-export data/archive.db', 'everything in the folder'],
    ['import notes-export fresh.db --collection notes --document note-1', 'one document of it'],
  ],
  run: async (given, { terminal, clock, random, logger, signal, onProgress }) => {
    const folder = given.operand('FOLDER')
    assertThere(folder, 'folder')
    assertExport(folder)
    const { collection, document } = targetOf(given)
    const log = await openSqliteLog({ file: logAt(given.operand('FILE')), clock, random, logger })
    try {
      const report = await importFolder(
        {
          log,
          folder,
          withDeleted: given.isOn('with-deleted'),
          ...(collection !== undefined && { collection }),
          ...(document !== undefined && { document }),
        },
        { clock, signal, onProgress },
      )
      terminal.write(
        given.isOn('json') ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report),
      )
      return report.refused.length > 0 ? 1 : 0
    } finally {
      await log.close()
    }
  },
}

function textOf({
  documents,
  added,
  contained,
  gapped,
  ended,
  leftOut,
  refused,
}: ImportReport): string {
  const lines = refused.map(
    ({ collection, document, refusal }) =>
      `refused ${printable(`${collection}/${document.id}`)}: ${refusal.code}, ${refusal.detail}`,
  )
  lines.push(
    `${countText(documents, 'document')}: ${countText(added, 'new row')}, ${contained} known already`,
  )
  if (ended > 0) lines.push(`${countText(ended, 'document')} deleted`)
  if (gapped > 0) lines.push(`${countText(gapped, 'row')} waiting for what is missing`)
  if (leftOut > 0) {
    lines.push(`left out: ${countText(leftOut, 'deleted document')} (--with-deleted)`)
  }
  return `${lines.join('\n')}\n`
}
