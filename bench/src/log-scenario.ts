import type { AppendOp, Log } from '@holdfast/archive'
import { scenario as compaction } from './compaction-scenario.js'
import { insertRaw, readRaw, type Floor } from './log-floor.js'
import { appendAll, collection, inFreshFolder, openLog, typedBy } from './log-work.js'
import { median, UsageError, type Figure, type Scenario } from './report.js'

/*
 * The log in SQLite beside SQLite itself. Floors are measured in the same run, turn and turn about,
 * because a shared machine is never the same for long.
 */
export const scenario: Scenario = {
  about:
    'the log beside raw SQLite: ingest, growth, catch-up, compaction [--trace FILE] [--quick] (4 min)',
  run: async (args) => {
    const isQuick = args.includes('--quick')
    const rest = args.filter((arg) => arg !== '--quick')
    if (rest.length > 0 && rest[0] !== '--trace') {
      throw new UsageError(`log takes --quick and --trace FILE, got ${args.join(' ')}`)
    }
    const scale = isQuick ? 0.1 : 1
    return [...(await ingest(scale)), ...(await growth(scale)), ...(await compaction.run(rest))]
  },
}

const rounds = 3

interface Load {
  readonly callers: number
  readonly opBytes: number
  readonly ops: number
}

/** Durable rows a second, by size and by how many ops are under way at a time. */
async function ingest(scale: number): Promise<readonly Figure[]> {
  const loads: readonly Load[] = [
    { callers: 1, opBytes: 100, ops: 4_000 },
    { callers: 16, opBytes: 100, ops: 30_000 },
    { callers: 256, opBytes: 100, ops: 100_000 },
    { callers: 1, opBytes: 1_000, ops: 4_000 },
    { callers: 16, opBytes: 1_000, ops: 20_000 },
    { callers: 256, opBytes: 1_000, ops: 50_000 },
  ]
  const figures: Figure[] = []
  for (const load of loads) {
    const ops = typedBy(load.callers, Math.ceil(load.ops * scale), load.opBytes)
    const measured: { ours: number; floor: Floor }[] = []
    for (let round = 0; round < rounds; round++) measured.push(await besideRaw(ops, load.callers))
    figures.push(ingestFigure(load, ops, measured))
  }
  return figures
}

async function besideRaw(
  ops: readonly AppendOp[],
  callers: number,
): Promise<{ ours: number; floor: Floor }> {
  // A server is measured when it has been running: a third of the ops warm each side up.
  const warmUp = Math.floor(ops.length / 3)
  const raw = (what: 'rows' | 'all'): Promise<number> =>
    inFreshFolder(async (file) => {
      await (await openLog(file)).close()
      return insertRaw(file, ops, callers, what, warmUp)
    })
  const rows = await raw('rows')
  const ours = await inFreshFolder(async (file) => {
    const log = await openLog(file)
    await appendAll(log, ops.slice(0, warmUp), callers)
    const rate = await appendAll(log, ops.slice(warmUp), callers)
    await log.close()
    return rate
  })
  return { ours, floor: { rows, all: await raw('all') } }
}

function ingestFigure(
  { callers, opBytes }: Load,
  ops: readonly AppendOp[],
  measured: readonly { readonly ours: number; readonly floor: Floor }[],
): Figure {
  const ofRows = median(measured.map(({ ours, floor }) => ours / floor.rows))
  const ofAll = median(measured.map(({ ours, floor }) => ours / floor.all))
  const rows = median(measured.map(({ floor }) => floor.rows))
  const all = median(measured.map(({ floor }) => floor.all))
  return {
    id: callers === 256 ? `ingest-${opBytes}` : `ingest-${opBytes}-${callers}`,
    what: `${opBytes} B, ${callers} at a time, ${ops.length} ops`,
    figure: `${perSecond(median(measured.map(({ ours }) => ours)))} = ${percent(ofRows)} of the rows, ${percent(ofAll)} of all that is written`,
    beside: `raw: rows ${perSecond(rows)}, with counters and indexes ${perSecond(all)}`,
    ...(callers === 256 && { goal: '≥ 60 % of raw', met: ofAll >= 0.6 }),
  }
}

/** What an append and a page cost when the collection is small, and when it is large. */
async function growth(scale: number): Promise<readonly Figure[]> {
  const sizes = [100, 10_000, Math.ceil(1_000_000 * scale)]
  const batch = 4_096
  const batches = 5
  const callers = 256
  return inFreshFolder(async (file) => {
    const log = await openLog(file)
    const largest = sizes.at(-1) ?? 0
    const ops = typedBy(256, largest + (sizes.length + 2) * batches * batch, 100)
    const costs: { readonly rows: number; readonly micros: number }[] = []
    let at = 0
    await inFreshFolder(async (other) => {
      const warm = await openLog(other)
      await appendAll(warm, ops.slice(0, 2 * batches * batch), callers)
      await warm.close()
    })
    for (const size of sizes) {
      at = await fill(log, ops, at, size)
      const rates: number[] = []
      for (let done = 0; done < batches; done++, at += batch) {
        rates.push(await appendAll(log, ops.slice(at, at + batch), callers))
      }
      costs.push({ rows: size, micros: 1e6 / median(rates) })
    }
    const catchUps = await catchUp(log, file, Math.ceil(100_000 * scale))
    await log.close()
    return [growthFigure(costs), ...catchUps]
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

function growthFigure(
  costs: readonly { readonly rows: number; readonly micros: number }[],
): Figure {
  const micros = costs.map((cost) => cost.micros)
  const worst = Math.max(...micros) / Math.min(...micros)
  return {
    id: 'A7',
    what: `append, with ${costs.map(({ rows }) => rows.toLocaleString('en')).join(', ')} rows before it`,
    figure: `${micros.map((one) => one.toFixed(1)).join(', ')} µs`,
    beside: `each other: ${worst.toFixed(2)} ×`,
    goal: 'flat: ≤ 1.5 ×',
    met: worst <= 1.5,
  }
}

/** A reader that missed so many entries: at the end of a large collection, and at its start. */
async function catchUp(log: Log, file: string, missed: number): Promise<readonly Figure[]> {
  const head = await log.head(collection)
  await readAll(log, 0, Math.ceil(missed / 10))
  const measured: { ours: number; raw: number; early: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const raw = readRaw(file, head - missed, 4_096).rowsPerSecond
    const ours = await readAll(log, head - missed, head)
    measured.push({ raw, ours, early: await readAll(log, 0, missed) })
  }
  const share = median(measured.map(({ ours, raw }) => ours / raw))
  const late = median(measured.map(({ ours, early }) => early / ours))
  return [
    {
      id: 'A6',
      what: `catch-up of ${missed.toLocaleString('en')} entries`,
      figure: `${perSecond(median(measured.map(({ ours }) => ours)))} = ${percent(share)}`,
      beside: `raw read ${perSecond(median(measured.map(({ raw }) => raw)))}`,
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

async function readAll(log: Log, from: number, to: number): Promise<number> {
  const start = performance.now()
  let after = from
  let entries = 0
  while (after < to) {
    const page = await log.read({ collection, after, maxBytes: 1 << 20, maxEntries: to - after })
    entries += page.entries.length
    after = page.through
  }
  return (entries / (performance.now() - start)) * 1_000
}

function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')}/s`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
