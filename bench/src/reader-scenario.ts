import { measureReader } from './reader.js'
import { UsageError, type Scenario } from './report.js'

export const scenario: Scenario = {
  about: 'reading Yjs updates without Yjs: a keystroke, and 3 MB of log (15 s)',
  run: async (args) => {
    if (args.length > 0) throw new UsageError(`reader takes no options, got ${args.join(' ')}`)
    const measured = measureReader()
    const { keystrokeReadMicros, logReadMs } = measured
    return [
      {
        id: 'read-keystroke',
        what: 'coverage of one keystroke',
        figure: `${keystrokeReadMicros.toFixed(2)} µs`,
        beside: `Y.decodeUpdate ${measured.keystrokeByYjsMicros.toFixed(2)} µs`,
        goal: '≤ 1 µs',
        met: keystrokeReadMicros <= 1,
      },
      {
        id: 'read-add',
        what: 'the same, added to what its document holds',
        figure: `${measured.keystrokeAddedMicros.toFixed(2)} µs`,
      },
      {
        id: 'read-log',
        what: `coverage of ${(measured.logBytes / 2 ** 20).toFixed(1)} MB, ${measured.logStructs} structs`,
        figure: `${logReadMs.toFixed(1)} ms`,
        beside: `Y.decodeUpdate ${measured.logByYjsMs.toFixed(1)} ms`,
        goal: '≤ 40 ms',
        met: logReadMs <= 40,
      },
    ]
  },
}
