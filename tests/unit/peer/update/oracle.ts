import type { Coverage, IdRanges } from '@holdfast/peer/protocol'
import * as Y from 'yjs'

/** What Yjs itself reads in an update, as plain sorted ranges by client. */
export function coverageByYjs(update: Uint8Array): Plain {
  const { structs, ds } = Y.decodeUpdate(update)
  const structRanges = new Map<number, Pair[]>()
  const refs = new Map<number, number>()
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue
    push(structRanges, struct.id.client, [struct.id.clock, struct.id.clock + struct.length])
    if (!(struct instanceof Y.Item)) continue
    for (const id of [struct.origin, struct.rightOrigin, struct.parent]) {
      if (!(id instanceof Y.ID) || id.client === struct.id.client) continue
      refs.set(id.client, Math.max(id.clock, refs.get(id.client) ?? 0))
    }
  }
  const deletes = new Map<number, Pair[]>()
  for (const [client, items] of ds.clients) {
    for (const { clock, len } of items) push(deletes, client, [clock, clock + len])
  }
  return {
    structs: normal(structRanges),
    deletes: normal(deletes),
    refs: normal(new Map([...refs].map(([client, clock]) => [client, [[clock, clock + 1]]]))),
  }
}

export function plain(coverage: Coverage): Plain {
  return {
    structs: plainRanges(coverage.structs),
    deletes: plainRanges(coverage.deletes),
    refs: plainRanges(coverage.refs),
  }
}

export function plainRanges(ids: IdRanges): PlainRanges {
  return [...ids]
    .map(([client, ranges]): PlainClient => [client, [...ranges]])
    .toSorted(([a], [b]) => a - b)
}

export interface Plain {
  readonly structs: PlainRanges
  readonly deletes: PlainRanges
  readonly refs: PlainRanges
}
export type PlainRanges = readonly PlainClient[]
type PlainClient = readonly [client: number, flat: readonly number[]]
type Pair = readonly [from: number, to: number]

function push(ranges: Map<number, Pair[]>, client: number, pair: Pair): void {
  const pairs = ranges.get(client)
  if (pairs === undefined) ranges.set(client, [pair])
  else pairs.push(pair)
}

/** Sorted, and joined where ranges overlap or touch. */
function normal(ranges: ReadonlyMap<number, readonly Pair[]>): PlainRanges {
  return [...ranges]
    .map(([client, pairs]): PlainClient => {
      const flat: number[] = []
      for (const [from, to] of pairs.toSorted(([a], [b]) => a - b)) {
        const last = flat.at(-1)
        if (last !== undefined && last >= from) flat[flat.length - 1] = Math.max(last, to)
        else flat.push(from, to)
      }
      return [client, flat]
    })
    .toSorted(([a], [b]) => a - b)
}

/** True when Yjs has put something aside because what it needs is not there. */
export function hasPending(doc: Y.Doc): boolean {
  return doc.store.pendingStructs !== null || doc.store.pendingDs !== null
}

/**
 * All that a document says and keeps aside: equal before and after means that nothing changed. How
 * it cuts its structs, and with how much content it keeps what is deleted, is no part of it.
 */
export function stateOf(doc: Y.Doc): unknown {
  return {
    snapshot: [...Y.encodeSnapshot(Y.snapshot(doc))],
    withPending: coverageByYjs(Y.encodeStateAsUpdate(doc)),
    content: contentOf(doc),
  }
}

/** What an app sees, whatever kinds its root types turn out to have. */
function contentOf(doc: Y.Doc): unknown {
  return [...doc.share]
    .map(([name, type]) => [name, contentOfType(type)])
    .filter(([, content]) => content !== nothing)
    .toSorted(([a], [b]) => ((a as string) < (b as string) ? -1 : 1))
}

function contentOfType(type: Visible): unknown {
  const list: unknown[] = []
  for (let item = type._start; item !== null; item = item.right) {
    if (!item.deleted) list.push(...contentOfItem(item))
  }
  const map = [...type._map]
    .filter(([, item]) => !item.deleted)
    .map(([key, item]) => [key, contentOfItem(item).at(-1)])
    .toSorted(([a], [b]) => ((a as string) < (b as string) ? -1 : 1))
  return list.length === 0 && map.length === 0 ? nothing : { list, map }
}

/**
 * One entry for each clock, so that it does not matter how structs are cut. Halves of a surrogate
 * pair count like U+FFFD, which Yjs puts in their place where it has to cut the pair: it cuts too
 * when it merely looks up where a struct that it holds already was inserted. A replica that first
 * got that struct as garbage holds the pair until then.
 */
function contentOfItem({ content }: Y.Item): unknown[] {
  if (content instanceof Y.ContentType) return [contentOfType(content.type)]
  if (content instanceof Y.ContentFormat) return [{ key: content.key, value: content.value }]
  if (content instanceof Y.ContentDoc)
    return [{ guid: content.doc.guid, opts: content.opts as unknown }]
  if (content instanceof Y.ContentString) {
    return content.str.split('').map((unit) => (/[\ud800-\udfff]/.test(unit) ? '\ufffd' : unit))
  }
  return content.getContent()
}

/** Of a shared type: the start of its list, and by key its current entry. */
interface Visible {
  readonly _start: Y.Item | null
  readonly _map: ReadonlyMap<string, Y.Item>
}

const nothing = 'nothing'

/**
 * A document made of these bytes, merged and applied at once. Yjs can leave structs pending that
 * nothing is missing for; then what it wrote is applied to a fresh document, until that changes no
 * more.
 */
export function docOf(updates: readonly Uint8Array[], gc = true): Y.Doc {
  let doc = docWith(updates.length > 0 ? Y.mergeUpdates([...updates]) : emptyUpdate, gc)
  while (hasPending(doc)) {
    const before = integratedLength(doc)
    const again = docWith(Y.encodeStateAsUpdate(doc), gc)
    if (integratedLength(again) === before) break
    doc = again
  }
  return doc
}

function docWith(update: Uint8Array, gc: boolean): Y.Doc {
  const doc = new Y.Doc({ gc })
  doc.clientID = 1
  Y.applyUpdate(doc, update)
  return doc
}

/** How many clocks are integrated. */
function integratedLength(doc: Y.Doc): number {
  return [...Y.decodeStateVector(Y.encodeStateVector(doc)).values()].reduce((a, b) => a + b, 0)
}

const emptyUpdate = new Uint8Array([0, 0])
