import {
  hexOf,
  idBytes,
  readUpdate,
  type DocumentId,
  type InstanceId,
  sorted,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { ReplicaContext } from './context.js'
import { Draft } from './draft.js'
import { storedLimits } from './load-document.js'
import { isArchived, type OutboxOp } from './outbox.js'
import { rewriteClients, type Renamed, type Renaming } from './rewrite-clients.js'

/**
 * Somebody else writes under our name: a machine that was cloned while it ran, or an app that chooses
 * clientIDs. What the archive has not taken is ours under a name of its own from now on:
 *
 *   refused ops, and own ones behind them ──► the same edits, ids renamed, as ops of a new instance
 *   the document ──► the same, ids renamed; what others wrote under the old ids comes from the logs,
 *                    which are taken in from the start again: it could not be integrated beside ours
 *
 * The Y.Doc is another one afterwards; edits in the one before are renamed and carried over. The
 * caller has its turn.
 */
export async function rekey(context: ReplicaContext, refused: readonly OutboxOp[]): Promise<void> {
  const firstById = new Map<DocumentId, number>()
  for (const { key, document } of refused) {
    firstById.set(document.id, Math.min(key, firstById.get(document.id) ?? key))
  }
  if (firstById.size === 0) return
  const { shelf, local, random } = context
  await storeAllEdits(context)
  // Whoever shares our clientIDs shares our op ids, too.
  local.changeInstance(hexOf(random.bytes(idBytes)) as InstanceId)
  for (const { held, edits } of shelf.all()) {
    if (edits !== undefined) held.doc.clientID = random.uint32()
  }
  for (const [id, first] of firstById) await rekeyDocument(context, id, first)
}

async function rekeyDocument(
  context: ReplicaContext,
  id: DocumentId,
  first: number,
): Promise<void> {
  const { store, books, shelf, local, random, news } = context
  const loaded = await shelf.load(id)
  const { generation } = loaded.document
  const ofDocument = books.outbox.ofDocument(id).filter((op) => op.kind !== 'tombstone')
  const ours = ofDocument.filter((op) => op.isOwn && op.key >= first && !isArchived(op))
  const carried = ofDocument.filter(({ isOwn }) => !isOwn)
  const bytesByKey = await store.readOps([...ours, ...carried].map(({ key }) => key))
  await storeAllEdits(context)
  const renamings = renamingsOf(bytesOf(ours, bytesByKey), () => random.uint32())
  const renamed = (bytes: Uint8Array): Uint8Array => renamings.reduce(rewriteClients, bytes)

  const draft = new Draft(store, books)
  for (const op of ours) {
    const bytes = bytesByKey.get(op.key)
    if (bytes === undefined) continue
    draft.settle(op)
    const again = { document: op.document, kind: op.kind, isOwn: true, dueAtMs: 0 }
    const newOp = local.nextOp()
    const key = draft.addOp({ ...again, op: newOp, bytes: renamed(bytes) })
    draft.after(() => news.renamed(op.op, newOp, key))
  }
  if (books.catalogue.livingGeneration(id) === generation) {
    draft.fold(id, renamed(Y.encodeStateAsUpdate(loaded.held.doc)), undefined)
    // Of others, and owed: it must not be lost with the old names.
    for (const bytes of bytesOf(carried, bytesByKey)) draft.addUpdate(id, bytes)
  }
  for (const archive of books.positions.archives) draft.restartCursor(archive)
  await draft.commit('strict')
  loaded.renamings = [...loaded.renamings, ...renamings]
  await shelf.reload(id)
  news.changed(id)
  news.owed(0)
}

/** Everything that was edited becomes durable, until nothing is in memory alone. */
async function storeAllEdits({ store, books, shelf, local }: ReplicaContext): Promise<void> {
  for (;;) {
    for (const { edits } of shelf.all()) edits?.flush()
    if (local.waitingCount === 0) return
    const draft = new Draft(store, books)
    local.stage(draft)
    await draft.commit('strict')
  }
}

/** A new name for each client that these ops were written under, clocks from 0 without a hole. */
function renamingsOf(updates: readonly Uint8Array[], newName: () => number): readonly Renaming[] {
  const pairsByClient = new Map<number, [from: number, to: number][]>()
  for (const bytes of updates) {
    const coverage = readUpdate(bytes, storedLimits)
    if (!coverage.ok) continue
    for (const [client, ranges] of coverage.value.structs) {
      const pairs = pairsByClient.get(client) ?? []
      for (let at = 0; at < ranges.length; at += 2) {
        pairs.push([ranges[at] as number, ranges[at + 1] as number])
      }
      pairsByClient.set(client, pairs)
    }
  }
  return [...pairsByClient].map(([client, pairs]) => {
    const ranges: Renamed[] = []
    let start = 0
    for (const [from, to] of sorted(pairs, ([a], [b]) => a - b)) {
      const last = ranges.at(-1)
      if (last !== undefined && from <= last.to) {
        ranges[ranges.length - 1] = { ...last, to: Math.max(to, last.to) }
        start = last.start + Math.max(to, last.to) - last.from
      } else {
        ranges.push({ from, to, start })
        start += to - from
      }
    }
    return { client, newClient: newName(), ranges }
  })
}

function bytesOf(
  ops: readonly OutboxOp[],
  bytesByKey: ReadonlyMap<number, Uint8Array>,
): readonly Uint8Array[] {
  return ops.flatMap(({ key }) => {
    const bytes = bytesByKey.get(key)
    return bytes === undefined ? [] : [bytes]
  })
}
