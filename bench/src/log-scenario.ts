import type { AppendOp, Log } from '@holdfast/archive'
import { scenario as compaction } from './compaction-scenario.js'
import { inTurns, ratioOf, type Side, type Taken } from './in-turns.js'
import { RawLog, readRaw } from './log-floor.js'
import { appendAll, collection, inFreshFolder, openLog, typedBy } from './log-work.js'
import { median, UsageError, type Figure, type Scenario } from './report.js'

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
  const known = [...loads.map(idOf), 'A6', 'A7', 'compaction']
  const ids = list.split(',')
  if (ids.every((id) => known.includes(id))) return ids
  throw new UsageError(`--only takes some of ${known.join(',')}, got ${list}`)
}

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

function idOf({ callers, opBytes }: Load): string {
  return callers === 256 ? `ingest-${opBytes}` : `ingest-${opBytes}-${callers}`
}

/** Durable rows a second, by size and by how many ops are under way at a time. */
async function ingest(
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

/**
 * What an append costs with few rows before it, and with many. In this thread, so that only rows
 * make a difference: a new thread would be slow for being new. The smaller logs start anew for each
 * slice, and are warmed up by one edit in each document.
 */
async function growth(scale: number): Promise<readonly Figure[]> {
  const sizes = [100, 10_000, Math.ceil(1_000_000 * scale)]
  const largest = sizes.at(-1) ?? 0
  const writers = 256
  const sliceOps = 8_192
  const turns = { slices: Math.max(3, Math.ceil(9 * scale)), warmUp: 3 }
  const perSlice = writers + sliceOps
  const ops = typedBy(writers, largest + (turns.slices + turns.warmUp + 1) * perSlice, 100)
  const timed = async (log: Log, from: number): Promise<number> => {
    await appendAll(log, ops.slice(from, from + writers), writers)
    return appendAll(log, ops.slice(from + writers, from + perSlice), writers)
  }
  return inFreshFolder(async (file) => {
    const log = await openLog(file, 'here')
    let at = await fill(log, ops, 0, largest)
    const sides = Object.fromEntries(
      sizes.map((size): [string, Side] => [
        `${size}`,
        async () => {
          if (size === largest) {
            at += perSlice
            return timed(log, at - perSlice)
          }
          return inFreshFolder(async (small) => {
            const fresh = await openLog(small, 'here')
            await fill(fresh, ops, 0, size)
            const tookMs = await timed(fresh, size)
            await fresh.close()
            return tookMs
          })
        },
      ]),
    )
    const taken = await inTurns(sides, turns)
    await log.close()
    const served = await openLog(file)
    const catchUps = await catchUp(served, file, Math.ceil(100_000 * scale))
    await served.close()
    return [growthFigure(sizes, taken, sliceOps), ...catchUps]
  })
}

async function fill(log: Log, ops: readonly AppendOp[], from: number, to: number): Promise<number> {
  let at = from
  while (at < to) {
    const few = ops.slice(at, Math.min(to, at + 2_000))
    await log.append(few)
    at += few.length
  }
  return at
}

function growthFigure(sizes: readonly number[], taken: Taken<string>, sliceOps: number): Figure {
  const [smallest = []] = sizes.map((size) => taken[`${size}`] ?? [])
  const ratios = sizes.map((size) => ratioOf(taken[`${size}`] ?? [], smallest))
  const micros = sizes.map((size) => (median(taken[`${size}`] ?? []) / sliceOps) * 1e3)
  const worst = Math.max(...ratios) / Math.min(...ratios)
  return {
    id: 'A7',
    what: `append of ${sliceOps.toLocaleString('en')} rows, with ${sizes.map((rows) => rows.toLocaleString('en')).join(', ')} rows before them, in turns`,
    figure: `${ratios.map((one) => one.toFixed(2)).join(', ')} × the first; ${worst.toFixed(2)} × each other`,
    beside: `${micros.map((one) => one.toFixed(1)).join(', ')} µs a row`,
    goal: 'flat: ≤ 1.5 ×',
    met: worst <= 1.5,
  }
}

/** A reader that missed so many entries: at the end of a large collection, and at its start. */
async function catchUp(log: Log, file: string, missed: number): Promise<readonly Figure[]> {
  const head = await log.head(collection)
  const sliceRows = Math.ceil(missed / catchUpSlices)
  const { raw, ours, early } = await inTurns(
    {
      raw: (slice) => readRaw(file, head - missed + (slice % catchUpSlices) * sliceRows, sliceRows),
      ours: (slice) => readAll(log, head - missed + (slice % catchUpSlices) * sliceRows, sliceRows),
      early: (slice) => readAll(log, (slice % catchUpSlices) * sliceRows, sliceRows),
    },
    { slices: 3 * catchUpSlices, warmUp: catchUpSlices },
  )
  const share = ratioOf(raw, ours)
  const late = ratioOf(ours, early)
  const rate = (tookMs: readonly number[]): string => perSecond((sliceRows / median(tookMs)) * 1e3)
  return [
    {
      id: 'A6',
      what: `catch-up of ${missed.toLocaleString('en')} entries`,
      figure: `${rate(ours)} = ${percent(share)}`,
      beside: `raw read ${rate(raw)}`,
      goal: '≥ 50 %',
      met: share >= 0.5,
    },
    {
      id: 'A6-late',
      what: `the same after ${(head - missed).toLocaleString('en')} entries instead of after none`,
      figure: `${late.toFixed(2)} × the time`,
      goal: '≤ 1.3 ×',
      met: late <= 1.3,
    },
  ]
}

/** Gives how many milliseconds it took. */
async function readAll(log: Log, from: number, rows: number): Promise<number> {
  const to = from + rows
  const start = performance.now()
  for (let after = from; after < to;) {
    const page = await log.read({ collection, after, maxBytes: 1 << 20, maxEntries: to - after })
    after = page.through
  }
  return performance.now() - start
}

const catchUpSlices = 5

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')}/s`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
