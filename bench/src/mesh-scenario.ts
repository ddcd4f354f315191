/** M1 to M9: the mesh, beside y-webrtc where it can do the same, a process a peer. */
import { UsageError, type Figure, type Scenario } from './report.js'
import type { Extent } from './mesh/crowd.js'
import { badWay, silentDeath } from './mesh/death.js'
import { joinsAtOnce } from './mesh/joining.js'
import { largestDocument } from './mesh/large.js'
import { agesOfEdits, messagesOfOneEdit } from './mesh/spreading.js'
import { falseAlarms, massDeath, messagesInPartialMesh } from './mesh/simulated.js'
import { typingBesideBulk } from './mesh/typing.js'

type Measure = (extent: Extent) => Promise<readonly Figure[]>

const measures: readonly { readonly id: string; readonly measure: Measure }[] = [
  { id: 'M1', measure: messagesOfOneEdit },
  { id: 'M2', measure: messagesInPartialMesh },
  { id: 'M3', measure: largestDocument },
  { id: 'M4', measure: joinsAtOnce },
  { id: 'M5', measure: agesOfEdits },
  { id: 'M6', measure: silentDeath },
  { id: 'M6', measure: badWay },
  { id: 'M6', measure: falseAlarms },
  { id: 'M7', measure: typingBesideBulk },
  { id: 'M8', measure: massDeath },
]

export const scenario: Scenario = {
  keepsOthers: true,
  about: 'the mesh beside y-webrtc: [--quick] [--only M4,M6] [--runs 100] (12 min, quick 3)',
  async run(args) {
    const { only, ...extent } = parse(args)
    const figures: Figure[] = []
    for (const { id, measure } of measures) {
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
  let runs: number | undefined
  for (;;) {
    const arg = rest.shift()
    if (arg === undefined) break
    if (arg === '--quick') quick = true
    else if (arg === '--only') only = knownIds(rest.shift())
    else if (arg === '--runs') runs = wholeNumber(rest.shift())
    else throw new UsageError(`mesh takes --quick, --only and --runs, got ${arg}`)
  }
  return {
    quick,
    ...(only === undefined ? {} : { only }),
    ...(runs === undefined ? {} : { runs }),
  }
}

function knownIds(list: string | undefined): readonly string[] {
  const known = [...new Set(measures.map(({ id }) => id))]
  const ids = list?.split(',') ?? []
  if (ids.length > 0 && ids.every((id) => known.includes(id))) return ids
  throw new UsageError(`--only takes some of ${known.join(',')}, got ${list ?? 'nothing'}`)
}

function wholeNumber(text: string | undefined): number {
  if (text !== undefined && /^[1-9]\d*$/.test(text)) return Number(text)
  throw new UsageError(`--runs takes a whole number from 1, got ${text ?? 'nothing'}`)
}
