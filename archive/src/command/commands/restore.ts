import { bytesText, countText, type Command } from '@holdfast/command'
import { restoreLog, type RestoreReport } from '../../tools/restore-log.js'
import { assertThere } from './targets.js'

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'puts a backup in its place, once it is verified',
  operands: ['BACKUP', 'FILE'],
  flags: [{ name: 'json', help: 'The report as JSON' }],
  about: `
Verifies BACKUP, copies it, verifies the copy, and only then calls it FILE. Nothing is overwritten: what
is at FILE has to be moved away first, together with the -wal and -shm beside it, and the archive has to
be stopped. FILE may be a folder, as in --data: then it is archive.db in it.

Nothing else is needed. The archive that starts on it begins a new term, so that whoever had more than
the backup notices, and brings it back.`,
  examples: [
    ['restore /backups/archive-monday.db data/archive.db', 'into a place that is empty'],
    ['restore monday.db ./holdfast-data', 'for holdfast up'],
  ],
  run: async (given, { terminal, clock, signal, onProgress }) => {
    const backup = given.operand('BACKUP')
    assertThere(backup, 'log')
    const options = { backup, destination: given.operand('FILE') }
    const report = await restoreLog(options, { clock, signal, onProgress })
    terminal.write(
      given.isOn('json') ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report),
    )
    return 0
  },
}

function textOf({ file, bytes, verified: { checked } }: RestoreReport): string {
  return (
    `${file}: ${bytesText(bytes)}, whole: ${countText(checked.collections, 'collection')}, ` +
    `${countText(checked.documents, 'document')}, ${countText(checked.entries, 'entry', 'entries')}\n`
  )
}
