/*
 * The threads of a log: one that writes, and those that read. Each answers its calls one by one. It
 * has no clock, no chance and no network; times come with the calls.
 */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import type { LogFields, Logger } from '@holdfast/peer/ports'
import type { ReadRequest } from '../port.js'
import { Engine } from './engine.js'
import { packResult, unpackGroup, type PackedGroup } from './group-pack.js'
import { packPage, type PackedPage } from './page-pack.js'
import { Reader } from './reader.js'
import { readerCalls } from './reader-calls.js'
import { answerTo, type Call } from './rpc.js'
import type { FromThread, ThreadData } from './threads.js'
import { largeBuffersIn } from './transfer.js'
import { toWire } from './wire-error.js'

if (parentPort === null) throw new Error('log-thread runs as a worker thread')
serve(parentPort, workerData as ThreadData)

function serve(port: MessagePort, data: ThreadData): void {
  const say = (message: FromThread, transfer: readonly ArrayBuffer[] = []): void => {
    port.postMessage(message, transfer)
  }
  try {
    const methods = data.role === 'writer' ? openWriter(data, say) : openReader(data, say)
    port.on('message', (call: Call) => {
      const answer = answerTo(call, methods)
      say({ answer }, largeBuffersIn(answer))
      if (call.method === 'close') port.close()
    })
  } catch (error) {
    say({ failed: toWire(error, `opening ${data.file}`) })
    port.close()
  }
}

type Say = (message: FromThread) => void

function openWriter(data: ThreadData & { readonly role: 'writer' }, say: Say) {
  const engine = Engine.open({ ...data, logger: loggerTo(say) })
  const { file, archive } = engine.file
  say({ opened: { file, archive, storedLeases: engine.storedLeases } })
  return {
    append: (group: PackedGroup, nowMs: number) =>
      packResult(engine.append(unpackGroup(group), nowMs), group),
    publish: engine.publish.bind(engine),
    retire: engine.retire.bind(engine),
    settle: engine.settle.bind(engine),
    failed: engine.failed.bind(engine),
    quarantine: engine.quarantine.bind(engine),
    heal: engine.heal.bind(engine),
    suspect: engine.suspect.bind(engine),
    saveLeases: engine.saveLeases.bind(engine),
    tidy: engine.tidy.bind(engine),
    sums: engine.sums.bind(engine),
    close: engine.close.bind(engine),
  }
}

function openReader(data: ThreadData & { readonly role: 'reader' }, say: Say) {
  const reader = new Reader(data)
  say({ opened: { file: data.file, archive: data.archive, storedLeases: [] } })
  return {
    ...readerCalls(reader, data),
    readPage: (request: ReadRequest, skipDamaged: boolean): PackedPage =>
      packPage(reader.pages.read(request, skipDamaged)),
    close: reader.close.bind(reader),
  }
}

function loggerTo(say: Say): Logger {
  const speak =
    (log: 'error' | 'info' | 'debug') =>
    (message: string, fields?: LogFields): void =>
      say({ log, message, ...(fields && { fields }) })
  return { error: speak('error'), info: speak('info'), debug: speak('debug') }
}
