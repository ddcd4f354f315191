/*
 * The thread in which snapshots are built. It gets a source, says in shared memory which row it is
 * at, and answers with the result. Whatever happens in here, the archive's own threads live on.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { getHeapStatistics } from 'node:v8'
import { BuildInterrupted, buildSnapshot, type BuildResult, type BuildSource } from './builder.js'

export interface BuilderThreadData {
  /** One number: the seq of the row under way. */
  readonly progress: SharedArrayBuffer
  /** Of buffers, which lie outside the heap and are not in the thread's limit. */
  readonly maxBufferBytes: number
}

/** In place of a result: the row under way did not fit. */
export interface BuffersFull {
  readonly status: 'buffers-full'
  readonly reason: string
}

if (parentPort === null) throw new Error('builder-thread runs as a worker thread')
const port = parentPort
const { progress: shared, maxBufferBytes } = workerData as BuilderThreadData
const progress = new Float64Array(shared)

port.on('message', (source: BuildSource) => {
  const result = buildWithin(source)
  port.postMessage(result, buffersOf(result))
})

function buildWithin(source: BuildSource): BuildResult | BuffersFull {
  let rows = 0
  try {
    return buildSnapshot(source, (seq) => {
      progress[0] = seq
      if (rows++ % rowsBetweenLooks === 0) assertBuffersFit()
    })
  } catch (error) {
    if (!(error instanceof BuildInterrupted)) throw error
    return { status: 'buffers-full', reason: error.message }
  }
}

function assertBuffersFit(): void {
  const { external_memory: bytes } = getHeapStatistics()
  if (bytes <= maxBufferBytes) return
  throw new BuildInterrupted(`${bytes} bytes of buffers, of ${maxBufferBytes} at most`)
}

/** A look costs a microsecond, as much as a twentieth of a small row. */
const rowsBetweenLooks = 8

function buffersOf(result: BuildResult | BuffersFull): ArrayBuffer[] {
  if (result.status !== 'built') return []
  const { bytes, stateVector, parked } = result
  return [
    bytes.buffer,
    stateVector.buffer,
    parked.seqs.buffer,
    parked.ends.buffer,
    parked.bytes.buffer,
  ]
}
