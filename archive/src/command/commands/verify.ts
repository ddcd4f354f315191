import { bytesText, type Command, countText, numberText, printable } from '@holdfast/command'
import type { Fault, VerifyReport } from '../../tools/verify/report.js'
import { verifyLog } from '../../tools/verify/verify-log.js'
import { assertThere, logAt } from './targets.js'

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'checks everything that can be checked at rest',
  operands: ['FILE'],
  flags: [{ name: 'json', help: 'The report as JSON' }],
  about: `
Reads every byte: checksums of entries and snapshots, that each snapshot holds all that it stands for,
that seqs ascend and none is lost, that every counter is what counting gives. Changes nothing, and may
run while an archive is writing; the archive's write-ahead log grows until it is done.

Exits with 1 if there is a fault.`,
  examples: [
    ['verify data/archive.db', 'says whether all is well, or what is not'],
    ['verify --json backup.db > report.json', 'for programs'],
  ],
  run: async (given, { terminal, clock, signal, onProgress }) => {
    const file = logAt(given.operand('FILE'))
    assertThere(file, 'log')
    const report = await verifyLog(file, { clock, signal, onProgress })
    terminal.write(
      given.isOn('json') ? `${JSON.stringify(report, undefined, 2)}\n` : textOf(report),
    )
    return report.isWhole ? 0 : 1
  },
}

function textOf({ file, isWhole, faults, faultCount, checked }: VerifyReport): string {
  const looked =
    `${countText(checked.collections, 'collection')}, ${countText(checked.documents, 'document')}, ` +
    `${countText(checked.entries, 'entry', 'entries')}, ` +
    `${countText(checked.snapshots, 'snapshot')}, ${countText(checked.terms, 'opening')}, ` +
    bytesText(checked.bytes)
  if (isWhole) return `${file} is whole: ${looked}\n`
  const more = faultCount - faults.length
  return [
    ...faults.map(lineOf),
    ...(more > 0 ? [`and ${numberText(more)} more`] : []),
    `${file} has ${countText(faultCount, 'fault')} in ${looked}`,
    '',
  ].join('\n')
}

function lineOf({ kind, collection, document, seq, what }: Fault): string {
  const where = [
    collection,
    document && `${document.id}${document.generation > 0 ? ` (${document.generation})` : ''}`,
    seq === undefined ? undefined : `#${seq}`,
  ].filter((part) => part !== undefined)
  return `${kind.padEnd(9)} ${where.length > 0 ? `${printable(where.join(' '))}: ` : ''}${what}`
}
