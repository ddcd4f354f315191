import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteLog, type AppendOp, type Log } from '@holdfast/archive'
import { inlineHosts } from '@holdfast/archive/testing'
import {
  parseCollectionName,
  parseDocumentId,
  parseInstanceId,
  type CollectionName,
  type Parsed,
} from '@holdfast/peer/protocol'
import { consoleLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import * as Y from 'yjs'

/**
 * Ops as their authors would send them: each writer has a document and types into it. Their bytes are
 * views of a few large buffers, as those of network messages are: 100,000 buffers would be measured
 * as the garbage collector's work on all sides.
 */
export function typedBy(writers: number, opsInAll: number, opBytes: number): readonly AppendOp[] {
  const ops: AppendOp[] = []
  const typists = Array.from({ length: writers }, (_, at) => typist(at, opBytes))
  let slab = new Uint8Array(0)
  let used = 0
  while (ops.length < opsInAll) {
    for (const type of typists.slice(0, opsInAll - ops.length)) {
      const op = type()
      if (used + op.bytes.length > slab.length) {
        slab = new Uint8Array(slabBytes)
        used = 0
      }
      const bytes = slab.subarray(used, used + op.bytes.length)
      bytes.set(op.bytes)
      used += bytes.length
      ops.push({ ...op, bytes })
    }
  }
  return ops
}

const slabBytes = 8 * 1024 * 1024

function typist(at: number, opBytes: number): () => AppendOp {
  const doc = new Y.Doc()
  doc.clientID = 1_000_003 + at * 7_919
  let update: Uint8Array = new Uint8Array(0)
  doc.on('update', (bytes: Uint8Array) => {
    update = bytes
  })
  const text = doc.getText('text')
  const document = { id: valid(parseDocumentId(`document-${at}`)), generation: 0 }
  const instance = valid(parseInstanceId((at + 1).toString(16).padStart(32, '0')))
  // What Yjs adds to a text of this length, give or take the length of the clocks.
  const written = 'x'.repeat(Math.max(1, opBytes - 18))
  let n = 0
  return () => {
    text.insert(text.length, written)
    return { collection, document, kind: 'live', id: { instance, n: ++n }, bytes: update }
  }
}

export const collection: CollectionName = valid(parseCollectionName('bench'))

function valid<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.refusal.detail)
  return parsed.value
}

/** So many callers, each with one op under way at a time. Gives how many milliseconds it took. */
export async function appendAll(
  log: Log,
  ops: readonly AppendOp[],
  callers: number,
): Promise<number> {
  let next = 0
  const call = async (): Promise<void> => {
    for (let op = ops[next++]; op !== undefined; op = ops[next++]) {
      const [outcome] = await log.append([op])
      if (outcome?.status !== 'committed' || !outcome.added) throw new Error('not stored')
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: callers }, call))
  return performance.now() - start
}

/** Opens a log in a folder of its own, and removes that afterwards. */
export async function inFreshFolder<Result>(
  work: (file: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  try {
    return await work(join(folder, 'log.db'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** With its threads, or, to see what the work itself costs, all of it in this one. */
export function openLog(file: string, where: 'threads' | 'here' = 'threads'): Promise<Log> {
  return openSqliteLog({
    ...(where === 'here' && { hosts: inlineHosts() }),
    file,
    clock: systemClock,
    random: systemRandom,
    logger: consoleLogger,
  })
}
