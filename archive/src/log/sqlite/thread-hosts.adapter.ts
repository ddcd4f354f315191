import { Worker } from 'node:worker_threads'
import { silentLogger, type Logger } from '@holdfast/peer/ports'
import { LogError } from '../errors.js'
import { endsOf, packGroup, unpackOutcomes, type PackedResult } from './group-pack.js'
import type { Hosts, OpenReader, OpenWriter, ReaderHost, WriterHost } from './hosts.js'
import { unpackPage, type PackedPage } from './page-pack.js'
import { Calls } from './rpc.js'
import type { FromThread, OpenedFile, ThreadData } from './threads.js'
import { largeBuffersIn } from './transfer.js'
import { fromWire } from './wire-error.js'

/** Each half of the log in a thread of its own. */
export function threadHosts(): Hosts {
  return { openWriter, openReader }
}

async function openWriter(open: OpenWriter): Promise<WriterHost> {
  const { file, freshArchive, term, nowMs, policy, logger, onEnd } = open
  const data = { role: 'writer', file, freshArchive, term, nowMs, policy } as const
  const thread = new Thread(data, logger, onEnd)
  const opened = await thread.opened
  return {
    ...opened,
    append: async (items, nowMs) => {
      const group = packGroup(items)
      const transfer = [group.numbers.buffer, group.bytes.buffer]
      const result = await thread.calls.call<PackedResult>('append', [group, nowMs], transfer)
      const ends = endsOf(items)
      return {
        outcomes: unpackOutcomes(result, items),
        gaps: result.gaps,
        walPages: result.walPages,
        bytesOf: (position) => result.bytes.subarray(ends[position - 1] ?? 0, ends[position]),
      }
    },
    // What goes to the writer was made for it: its buffers may change hands.
    call: (method, ...args) => thread.calls.call(method, args, largeBuffersIn(args)),
    close: () => thread.close(),
  }
}

/**
 * A reading thread has no state: it starts when it is first needed, and one that has ended by itself
 * is replaced when it is needed again.
 */
async function openReader({ file, archive, term, policy }: OpenReader): Promise<ReaderHost> {
  const data = { role: 'reader', file, archive, term, policy } as const
  let thread: Thread | undefined
  async function calls(): Promise<Calls> {
    if (thread === undefined || thread.hasEnded) thread = new Thread(data, silentLogger, () => {})
    await thread.opened
    return thread.calls
  }
  return {
    readPage: async (...args) =>
      unpackPage(await (await calls()).call<PackedPage>('readPage', args)),
    call: async (method, ...args) => (await calls()).call(method, args),
    close: async () => thread?.close(),
  }
}

/** One worker thread, from its start to its end. */
class Thread {
  /** Rejects with why the file could not be opened. */
  readonly opened: Promise<OpenedFile>
  readonly calls: Calls
  readonly #ended: Promise<void>
  #hasEnded = false
  #isClosing = false

  constructor(workerData: ThreadData, logger: Logger, onEnd: (error: Error) => void) {
    const worker = new Worker(new URL('./log-thread.adapter.js', import.meta.url), { workerData })
    this.calls = new Calls((call, transfer) => worker.postMessage(call, transfer))
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()))
    this.opened = new Promise((resolve, reject) => {
      const end = (error: Error): void => {
        this.#hasEnded = true
        reject(error)
        this.calls.end(error)
        if (!this.#isClosing) onEnd(error)
      }
      worker.on('message', (message: FromThread) => {
        if ('answer' in message) this.calls.answer(message.answer)
        else if ('log' in message) logger[message.log](message.message, message.fields)
        else if ('opened' in message) resolve(message.opened)
        else {
          this.#isClosing = true
          reject(fromWire(message.failed))
        }
      })
      worker.on('error', (cause: Error) => end(threadEnded(workerData.role, cause)))
      worker.on('exit', () => end(threadEnded(workerData.role)))
    })
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** After the calls before it have been answered. Idempotent. */
  async close(): Promise<void> {
    if (!this.#isClosing && !this.#hasEnded) {
      this.#isClosing = true
      await this.calls.call('close', [])
      this.calls.end(new LogError('closed', 'the log is closed'))
    }
    await this.#ended
  }
}

function threadEnded(role: string, cause?: Error): LogError {
  const options = cause === undefined ? {} : { cause }
  return new LogError('storage-failed', `the log's ${role} thread has ended`, options)
}
