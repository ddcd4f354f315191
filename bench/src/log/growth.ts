import type { AppendOp, Log } from '@holdfast/archive'
import { inTurns, ratioOf, type Side, type Taken } from '../in-turns.js'
import { readRaw } from './floor.js'
import { percent, perSecond } from './words.js'
import { appendAll, collection, inFreshFolder, openLog, typedBy } from './work.js'
import { median, type Figure } from '../report.js'

/**
 * A7 and A6: what an append costs with few rows before it, and with many. In this thread, so that only rows
 * make a difference: a new thread would be slow for being new. The smaller logs start anew for each
 * slice, and are warmed up by one edit in each document.
 */
export async function growth(scale: number): Promise<readonly Figure[]> {
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
