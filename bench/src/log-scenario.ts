import { scenario as compaction } from './compaction-scenario.js'
import { growth } from './log/growth.js'
import { ingest, ingestIds } from './log/ingest.js'
import { UsageError, type Scenario } from './report.js'

/*
 * The log in SQLite beside SQLite itself. What is compared is measured in short slices, turn and turn
 * about, because a shared machine is never the same for long; a ratio is the median of theirs.
 */
export const scenario: Scenario = {
  keepsOthers: true,
  about:
    'the log beside raw SQLite: ingest, growth, catch-up, compaction [--trace FILE] [--quick] [--only ingest-100,A6] (4 min)',
  run: async (args) => {
    const { scale, only, rest } = parse(args)
    const isWanted = (...ids: readonly string[]): boolean =>
      only === undefined || ids.some((id) => only.includes(id))
    return [
      ...(await ingest(scale, isWanted)),
      ...(isWanted('A6', 'A7') ? await growth(scale) : []),
      ...(isWanted('compaction') ? await compaction.run(rest) : []),
    ]
  },
}

interface Wanted {
  readonly scale: number
  /** Ids of what is measured, `A6` and `A7` being measured together; all of them if absent. */
  readonly only?: readonly string[]
  /** What is the compaction's. */
  readonly rest: readonly string[]
}

function parse(args: readonly string[]): Wanted {
  const rest = args.filter((arg) => arg !== '--quick')
  const scale = rest.length < args.length ? 0.1 : 1
  const [option, list] = rest
  if (option === '--only' && list !== undefined) {
    return { scale, only: knownIds(list), rest: rest.slice(2) }
  }
  if (option === undefined || option === '--trace') return { scale, rest }
  throw new UsageError(`log takes --quick, --only IDS and --trace FILE, got ${args.join(' ')}`)
}

function knownIds(list: string): readonly string[] {
  const known = [...ingestIds, 'A6', 'A7', 'compaction']
  const ids = list.split(',')
  if (ids.every((id) => known.includes(id))) return ids
  throw new UsageError(`--only takes some of ${known.join(',')}, got ${list}`)
}
