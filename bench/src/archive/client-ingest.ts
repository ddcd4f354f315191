/* A1: clients that type as fast as they are answered, or at a rate. */
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../report.js'
import type { BenchClient } from './bench-client.js'
import type { Ingest, IngestOptions } from './client-process.js'
import { join } from './clients.js'

interface RunningIngest {
  readonly all: readonly BenchClient[]
  readonly tookMs: number[]
  readonly stop: () => void
  answered: number
  arrived: number
  isMeasuring: boolean
}

let running: RunningIngest | undefined

export async function startIngest(options: IngestOptions): Promise<void> {
  const { kind, url, writers, inFlight, perSecond, isShared = false } = options
  let isOver = false
  const all = await Promise.all(
    Array.from({ length: writers }, (_, at) => {
      // The others send what one types to nobody either where each has a document of its own.
      const name = isShared ? 'shared' : `writer-${at}`
      return join(kind, {
        url,
        document: name,
        collection: name,
        isAnswered: true,
        appliesOthers: !isShared,
      })
    }),
  )
  const run: RunningIngest = {
    all,
    tookMs: [],
    stop() {
      isOver = true
      clearInterval(pacer)
    },
    answered: 0,
    arrived: 0,
    isMeasuring: false,
  }
  const opens = all.map((client) => {
    const sentAtMs: number[] = []
    let next = 0
    const edit = (): void => {
      // Whoever has so much unanswered has lost the race already, and its link would end.
      if (isOver || sentAtMs.length - next >= maxUnanswered) return
      sentAtMs.push(performance.now())
      client.edit()
    }
    client.onArrived = (count) => {
      if (run.isMeasuring) run.arrived += count
    }
    client.onAnswered = (count) => {
      const nowMs = performance.now()
      for (let at = 0; at < count; at++) {
        const sent = sentAtMs[next++]
        if (run.isMeasuring && sent !== undefined) run.tookMs.push(nowMs - sent)
      }
      if (run.isMeasuring) run.answered += count
      if (perSecond === undefined) for (let at = 0; at < count; at++) edit()
    }
    return edit
  })
  const pacer = perSecond === undefined ? undefined : pace(opens, perSecond)
  if (perSecond === undefined) {
    for (const edit of opens) for (let at = 0; at < inFlight; at++) edit()
  }
  running = run
}

export async function ingest(forMs: number): Promise<Ingest> {
  const run = running
  if (run === undefined) throw new Error('nobody types')
  run.isMeasuring = true
  const startMs = performance.now()
  await sleep(forMs)
  const elapsedMs = performance.now() - startMs
  run.isMeasuring = false
  run.stop()
  for (const client of run.all) client.leave()
  return {
    perSecond: (run.answered / elapsedMs) * 1_000,
    arrivedPerSecond: (run.arrived / elapsedMs) * 1_000,
    p50Ms: quantile(run.tookMs, 0.5),
    p99Ms: quantile(run.tookMs, 0.99),
  }
}

const maxUnanswered = 1_024

/** Edits at an even rate, one writer after the other. */
function pace(edits: readonly (() => void)[], perSecond: number): NodeJS.Timeout {
  const startMs = performance.now()
  let done = 0
  return setInterval(() => {
    const due = ((performance.now() - startMs) / 1_000) * perSecond
    while (done < due) edits[done++ % edits.length]?.()
  }, 4)
}
