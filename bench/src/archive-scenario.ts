/**
 * A1 to A10 and A12: the archive, beside Hocuspocus and y-websocket's server where they can do the
 * same. A7 comes with A6; A11 and the bytes of A8 are those of compaction (`compaction`).
 */
import { catchingUp } from './archive/catch-up.js'
import { compactingMeanwhile } from './archive/compacting.js'
import { egress } from './archive/egress.js'
import type { Extent } from './archive/extent.js'
import { durableIngest } from './archive/ingest.js'
import { fanOut } from './archive/fan-out.js'
import { idleClients } from './archive/idle.js'
import { opening } from './archive/opening.js'
import { joinStorm } from './archive/storm.js'
import { reconnecting } from './archive/reconnect.js'
import { slowReader } from './archive/slow-reader.js'
import { UsageError, type Figure, type Scenario } from './report.js'

type Measure = (extent: Extent) => Promise<readonly Figure[]>

const measures: Readonly<Record<string, Measure>> = {
  A1: durableIngest,
  A2: fanOut,
  A3: opening,
  A4: joinStorm,
  A5: reconnecting,
  A6: catchingUp,
  A8: compactingMeanwhile,
  A9: slowReader,
  A10: idleClients,
  A12: egress,
}

export const scenario: Scenario = {
  keepsOthers: true,
  about:
    'the archive beside Hocuspocus and y-websocket: [--quick] [--only A1,A2] (16 min, quick 4)',
  async run(args) {
    const { only, ...extent } = parse(args)
    const figures: Figure[] = []
    for (const [id, measure] of Object.entries(measures)) {
      if (only !== undefined && !only.includes(id)) continue
      console.error(`${id} …`)
      try {
        figures.push(...(await measure(extent)))
      } catch (error) {
        // What could not be measured was missed.
        figures.push({ id, what: 'could not be measured', figure: String(error), met: false })
      }
    }
    return figures
  },
}

function parse(args: readonly string[]): Extent & { readonly only?: readonly string[] } {
  const rest = args.slice()
  let quick = false
  let only: readonly string[] | undefined
  for (;;) {
    const arg = rest.shift()
    if (arg === undefined) break
    if (arg === '--quick') quick = true
    else if (arg === '--only') only = knownIds(rest.shift())
    else throw new UsageError(`archive takes --quick and --only, got ${arg}`)
  }
  return { quick, ...(only === undefined ? {} : { only }) }
}

function knownIds(list: string | undefined): readonly string[] {
  const ids = list?.split(',') ?? []
  if (ids.length > 0 && ids.every((id) => Object.hasOwn(measures, id))) return ids
  const known = Object.keys(measures).join(',')
  throw new UsageError(`--only takes some of ${known}, got ${list ?? 'nothing'}`)
}
