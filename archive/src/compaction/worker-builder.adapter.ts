import { Worker } from 'node:worker_threads'
import type { Clock, Undo } from '@holdfast/peer/ports'
import type { BuffersFull, BuilderThreadData } from './builder-thread.adapter.js'
import type { BuildStopped, SnapshotBuilder } from './builder-port.js'
import { previousSnapshotSeq, type BuildResult, type BuildSource } from './builder.js'

export interface WorkerBuilderOptions {
  readonly clock: Clock
  /** A build that takes longer is a bomb or a machine in trouble. */
  readonly deadlineMs?: number
  /** Heap of the building thread. A Y.Doc takes about 13 times its bytes, and two are compared. */
  readonly maxHeapMegabytes?: number
  /** Buffers of the building thread, which its heap does not count: what it is given included. */
  readonly maxBufferMegabytes?: number
  /** An idle thread keeps its memory: it ends after this long. */
  readonly idleMs?: number
}

/** A builder in a worker thread with a memory limit and a deadline, kept while there is work. */
export function createWorkerBuilder(options: WorkerBuilderOptions): SnapshotBuilder {
  return new WorkerBuilder(options)
}

const defaultDeadlineMs = 120_000
const defaultMaxHeapMegabytes = 2_048
/** Source, state and what is read back of it, of a document of the largest size, several times. */
const defaultMaxBufferMegabytes = 2_048
const defaultIdleMs = 10_000

class WorkerBuilder implements SnapshotBuilder {
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #maxHeapMegabytes: number
  readonly #maxBufferMegabytes: number
  readonly #idleMs: number
  /** The thread, from the first build on until it idles, fails or is closed. */
  #thread: Thread | undefined
  /** Settles the build that is under way. */
  #settle: ((result: BuildResult | BuildStopped) => void) | undefined
  #stopIdling: Undo | undefined
  #closed = false

  constructor(options: WorkerBuilderOptions) {
    this.#clock = options.clock
    this.#deadlineMs = options.deadlineMs ?? defaultDeadlineMs
    this.#maxHeapMegabytes = options.maxHeapMegabytes ?? defaultMaxHeapMegabytes
    this.#maxBufferMegabytes = options.maxBufferMegabytes ?? defaultMaxBufferMegabytes
    this.#idleMs = options.idleMs ?? defaultIdleMs
  }

  build(source: BuildSource): Promise<BuildResult | BuildStopped> {
    if (this.#settle !== undefined) throw new Error('a builder builds one snapshot at a time')
    if (this.#closed) return Promise.resolve(this.#stopped('closed', 'the builder is closed'))
    this.#stopIdling?.()
    const thread = (this.#thread ??= this.#startThread())
    thread.seqAtHalfTime = undefined
    return new Promise((resolve) => {
      const stopSampling = this.#clock.after(this.#deadlineMs / 2, () => {
        thread.seqAtHalfTime = thread.progress[0]
      })
      const stopWaiting = this.#clock.after(this.#deadlineMs, () => {
        void this.#end('timeout', `a build took longer than ${this.#deadlineMs} ms`)
      })
      this.#settle = (result) => {
        this.#settle = undefined
        stopSampling()
        stopWaiting()
        resolve(result)
      }
      thread.worker.postMessage(source, transferable(source))
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stopIdling?.()
    await this.#end('closed', 'the builder was closed')
  }

  #startThread(): Thread {
    const progress = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)
    const maxBufferBytes = this.#maxBufferMegabytes * 2 ** 20
    const workerData: BuilderThreadData = { progress, maxBufferBytes }
    const worker = new Worker(new URL('./builder-thread.adapter.js', import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: this.#maxHeapMegabytes },
    })
    const thread: Thread = {
      worker,
      progress: new Float64Array(progress),
      seqAtHalfTime: undefined,
    }
    worker.on('message', (result: BuildResult | BuffersFull) => {
      if (result.status === 'buffers-full') {
        void this.#end('out-of-memory', result.reason, thread)
        return
      }
      this.#settle?.(result)
      this.#idle()
    })
    worker.on('error', (error) => {
      const outOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      void this.#end(outOfMemory ? 'out-of-memory' : 'crashed', String(error), thread)
    })
    worker.on('exit', (exitCode) => {
      void this.#end('crashed', `the building thread ended with ${exitCode}`, thread)
    })
    return thread
  }

  #idle(): void {
    this.#stopIdling = this.#clock.after(this.#idleMs, () => {
      void this.#end('closed', 'idle')
    })
  }

  /** Ends the thread (or does nothing if `thread` is no longer the one) and settles its build. */
  async #end(status: BuildStopped['status'], reason: string, thread = this.#thread): Promise<void> {
    if (thread === undefined || thread !== this.#thread) return
    const stopped = this.#stopped(status, reason)
    this.#thread = undefined
    this.#stopIdling?.()
    this.#settle?.(stopped)
    await thread.worker.terminate()
  }

  #stopped(status: BuildStopped['status'], reason: string): BuildStopped {
    const { progress, seqAtHalfTime } = this.#thread ?? { progress: [], seqAtHalfTime: undefined }
    const seq = progress[0] ?? 0
    const stuck = status === 'timeout' && seq !== previousSnapshotSeq && seq === seqAtHalfTime
    return { status, seq, stuck, reason }
  }
}

interface Thread {
  readonly worker: Worker
  readonly progress: Float64Array
  /** Where it was when half of the deadline had passed. */
  seqAtHalfTime: number | undefined
}

function transferable({ rows, parked, previous }: BuildSource): ArrayBuffer[] {
  const buffers = [rows, parked].flatMap(({ seqs, ends, bytes }) => [
    seqs.buffer,
    ends.buffer,
    bytes.buffer,
  ])
  if (previous !== undefined && ownsItsBuffer(previous.bytes)) buffers.push(previous.bytes.buffer)
  return buffers
}

function ownsItsBuffer(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
}
