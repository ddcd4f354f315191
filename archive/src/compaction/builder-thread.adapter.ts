/*
 * The thread in which snapshots are built. It gets a source, says in shared memory which row it is
 * at, and answers with the result. Whatever happens in here, the archive's own threads live on.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { buildSnapshot, type BuildResult, type BuildSource } from './builder.js'

export interface BuilderThreadData {
  /** One number: the seq of the row under way. */
  readonly progress: SharedArrayBuffer
}

if (parentPort === null) throw new Error('builder-thread runs as a worker thread')
const port = parentPort
const progress = new Float64Array((workerData as BuilderThreadData).progress)

port.on('message', (source: BuildSource) => {
  const result = buildSnapshot(source, (seq) => {
    progress[0] = seq
  })
  port.postMessage(result, buffersOf(result))
})

function buffersOf(result: BuildResult): ArrayBuffer[] {
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
