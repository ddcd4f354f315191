/*
 * The threads of a log: one that writes, and those that read. Each answers its calls one by one. It
 * has no clock, no chance and no network; times come with the calls.
 */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import type { LogFields, Logger } from '@holdfast/peer/ports'
import { Engine } from './engine.js'
import { maxGroupItems } from './append.js'
import {
  itemsIn,
  packResult,
  unpackGroup,
  type PackedGroup,
  type PackedResult,
} from './group-pack.js'
import { Inbox } from './inbox.adapter.js'
import { Reader } from './reader.js'
import { readerCalls } from './reader-calls.js'
import { answerTo } from './rpc.js'
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
    const inbox = new Inbox(port)
    const methods = data.role === 'writer' ? openWriter(data, say, inbox) : openReader(data, say)
    inbox.onCall((call) => {
      const first = answerTo(call, methods)
      for (const answer of [first, ...inbox.answersToTaken(first)])
        say({ answer }, largeBuffersIn(answer))
      if (call.method === 'close') port.close()
    })
  } catch (error) {
    say({ failed: toWire(error, `opening ${data.file}`) })
    port.close()
  }
}

type Say = (message: FromThread) => void

function openWriter(data: ThreadData & { readonly role: 'writer' }, say: Say, inbox: Inbox) {
  const engine = Engine.open({ ...data, logger: loggerTo(say) })
  const { file, archive } = engine.file
  say({ opened: { file, archive, storedLeases: engine.storedLeases } })
  return {
    append: (group: PackedGroup, nowMs: number) => appendAll(engine, inbox, group, nowMs),
    checkpoint: engine.checkpoint.bind(engine),
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
    readPage: reader.pages.read.bind(reader.pages),
    close: reader.close.bind(reader),
  }
}

/**
 * Writes a group, and takes along what else has come to be appended before it is committed: one
 * fsync for all of them, and each is answered for itself.
 */
function appendAll(engine: Engine, inbox: Inbox, first: PackedGroup, nowMs: number): PackedResult {
  const groups = [first]
  let items = itemsIn(first)
  const { outcomes, gaps } = engine.append(unpackGroup(first), nowMs, () => {
    const taken = items < maxGroupItems ? inbox.take('append') : undefined
    if (taken === undefined) return undefined
    const group = taken.args[0] as PackedGroup
    groups.push(group)
    items += itemsIn(group)
    return unpackGroup(group)
  })
  const { walPages } = engine
  let end = 0
  const [result, ...others] = groups.map((group, at) => {
    const own = outcomes.slice(end, (end += itemsIn(group)))
    // What was said of gaps is true once all of them are stored.
    return packResult(
      { outcomes: own, gaps: at === groups.length - 1 ? gaps : [] },
      group,
      walPages,
    )
  })
  inbox.settleTaken(others)
  return result as PackedResult
}

function loggerTo(say: Say): Logger {
  const speak =
    (log: 'error' | 'info' | 'debug') =>
    (message: string, fields?: LogFields): void =>
      say({ log, message, ...(fields && { fields }) })
  return { error: speak('error'), info: speak('info'), debug: speak('debug') }
}
