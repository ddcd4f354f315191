import { measureCompaction } from './compaction.js'
import { UsageError, type Scenario } from './report.js'
import { madeTrace, readTrace } from './trace.js'

export const scenario: Scenario = {
  about: 'compacting one document [--trace FILE]: time, sizes, what the others feel (20 s)',
  run: async (args) => {
    const [option, file, ...rest] = args
    if (option === undefined) return measureCompaction(madeTrace(100_000))
    if (option !== '--trace' || file === undefined || rest.length > 0) {
      throw new UsageError(`compaction takes --trace FILE, got ${args.join(' ')}`)
    }
    return measureCompaction(readTrace(file))
  },
}
