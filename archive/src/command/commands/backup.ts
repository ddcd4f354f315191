import { bytesText, type Command, countText } from '@holdfast/command'
import { backupLog, type BackupReport } from '../../tools/backup-log.js'
import { assertThere, logAt } from './targets.js'

export const backupCommand: Command = {
  name: 'backup',
  summary: 'copies it to a single file, while it is in use',
  operands: ['FILE', 'DESTINATION'],
  flags: [
    { name: 'no-verify', help: 'Do not read the copy back' },
    { name: 'json', help: 'The report as JSON' },
  ],
  about: `
The copy is the log as it was at one moment, however busy the archive is; the archive's write-ahead log
grows until it is made. DESTINATION must not exist: it appears when the copy is whole, verified and on
disk. 'restore' puts it back. Whoever had more than the copy brings it back by itself.`,
  examples: [
    ['backup data/archive.db /backups/archive-monday.db', 'a backup of a running archive'],
  ],
  run: async (given, { terminal, clock, signal, onProgress }) => {
    const file = logAt(given.operand('FILE'))
    assertThere(file, 'log')
    const report = await backupLog(
      {
        file,
        destination: given.operand('DESTINATION'),
        verify: !given.isOn('no-verify'),
      },
      { clock, signal, onProgress },
    )
    terminal.write(
      given.isOn('json') ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report),
    )
    return 0
  },
}

function textOf({ destination, bytes, verified }: BackupReport): string {
  const what =
    verified === undefined
      ? 'not verified'
      : `whole: ${countText(verified.checked.documents, 'document')}, ${countText(verified.checked.entries, 'entry', 'entries')}`
  return `${destination}: ${bytesText(bytes)}, ${what}\n`
}
