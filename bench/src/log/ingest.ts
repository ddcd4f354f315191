import type { AppendOp } from '@holdfast/archive'
import { inTurns, ratioOf, type Taken } from '../in-turns.js'
import { RawLog } from './floor.js'
import { percent, perSecond } from './words.js'
import { appendAll, inFreshFolder, openLog, typedBy } from './work.js'
import { median, type Figure } from '../report.js'

interface Load {
  readonly callers: number
  readonly opBytes: number
  /** Of a slice: large enough that filing, each 4,096 rows, is in it where it counts. */
  readonly sliceOps: number
  readonly slices: number
}

const loads: readonly Load[] = [
  { callers: 1, opBytes: 100, sliceOps: 100, slices: 9 },
  { callers: 16, opBytes: 100, sliceOps: 2_048, slices: 16 },
  { callers: 256, opBytes: 100, sliceOps: 8_192, slices: 16 },
  { callers: 1, opBytes: 1_000, sliceOps: 100, slices: 9 },
  { callers: 16, opBytes: 1_000, sliceOps: 2_048, slices: 12 },
  { callers: 256, opBytes: 1_000, sliceOps: 8_192, slices: 8 },
]

/** What can be asked for. */
export const ingestIds: readonly string[] = loads.map(idOf)

function idOf({ callers, opBytes }: Load): string {
  return callers === 256 ? `ingest-${opBytes}` : `ingest-${opBytes}-${callers}`
}

/** Durable rows a second, by size and by how many ops are under way at a time. */
export async function ingest(
  scale: number,
  isWanted: (id: string) => boolean,
): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const load of loads) {
    if (!isWanted(idOf(load))) continue
    const slices = Math.max(3, Math.ceil(load.slices * scale))
    figures.push(await besideRaw({ ...load, slices }))
  }
  return figures
}

/** Ours and both floors, each in a file of its own, take the same ops in turns. */
async function besideRaw({ callers, opBytes, sliceOps, slices }: Load): Promise<Figure> {
  // A server is measured when it has been running.
  const warmUp = Math.ceil(slices / 3)
  const ops = typedBy(callers, (warmUp + slices) * sliceOps, opBytes)
  const sliceOf = (slice: number): readonly AppendOp[] =>
    ops.slice(slice * sliceOps, (slice + 1) * sliceOps)
  return inFreshFolder((ourFile) =>
    inFreshFolder((rowsFile) =>
      inFreshFolder(async (allFile) => {
        for (const file of [rowsFile, allFile]) await (await openLog(file)).close()
        const log = await openLog(ourFile)
        const rows = new RawLog(rowsFile, ops, callers, 'rows')
        const all = new RawLog(allFile, ops, callers, 'all')
        const taken = await inTurns(
          {
            rows: (slice) => rows.append(sliceOf(slice)),
            ours: (slice) => appendAll(log, sliceOf(slice), callers),
            all: (slice) => all.append(sliceOf(slice)),
          },
          { slices, warmUp },
        )
        await log.close()
        rows.close()
        all.close()
        return ingestFigure({ callers, opBytes, sliceOps, slices }, taken)
      }),
    ),
  )
}

function ingestFigure(load: Load, { ours, rows, all }: Taken<'ours' | 'rows' | 'all'>): Figure {
  const { callers, opBytes, sliceOps, slices } = load
  const ofAll = ratioOf(all, ours)
  const rate = (tookMs: readonly number[]): string => perSecond((sliceOps / median(tookMs)) * 1e3)
  return {
    id: idOf(load),
    what: `${opBytes} B, ${callers} at a time, ${slices} slices of ${sliceOps} ops in turns`,
    figure: `${rate(ours)} = ${percent(ratioOf(rows, ours))} of the rows, ${percent(ofAll)} of all that is written`,
    beside: `raw: rows ${rate(rows)}, with counters and indexes ${rate(all)}; all slices together ${percent(sum(all) / sum(ours))}`,
    ...(callers === 256 && { goal: '≥ 60 % of raw', met: ofAll >= 0.6 }),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
