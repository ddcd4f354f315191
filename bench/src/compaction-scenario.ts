import { measureCompaction, measureLargeCompaction } from './compaction.js'
import { UsageError, type Scenario } from './report.js'
import { madeTrace, readTrace, type EditingTrace } from './trace.js'

export const scenario: Scenario = {
  about: 'compacting one document [--trace FILE]: time, sizes, what the others feel (2 min)',
  run: async (args) => {
    const [option, file, ...rest] = args
    if (option === undefined) return measure(madeTrace(100_000))
    if (option !== '--trace' || file === undefined || rest.length > 0) {
      throw new UsageError(`compaction takes --trace FILE, got ${args.join(' ')}`)
    }
    return measure(readTrace(file))
  },
}

async function measure(trace: EditingTrace) {
  return [...(await measureCompaction(trace)), ...(await measureLargeCompaction())]
}
