import { contains, emptyCoverage, readUpdate, union, type Coverage } from '@holdfast/peer/protocol'
import * as Y from 'yjs'

/**
 * Whether a document with nothing pending holds all of this already: applying it would change
 * nothing. Costs a look for each range, whatever the size of the document.
 */
export function isContained(doc: Y.Doc, coverage: Coverage): boolean {
  const { pendingStructs, pendingDs } = doc.store
  if (isIntegrated(doc, coverage)) return true
  if (pendingStructs === null && pendingDs === null) return false
  const known = coverageWithPending(doc)
  return known !== undefined && contains(known, coverage)
}

function isIntegrated({ store }: Y.Doc, { structs, deletes }: Coverage): boolean {
  for (const [client, ranges] of structs) {
    if ((ranges[ranges.length - 1] as number) > Y.getState(store, client)) return false
  }
  for (const [client, ranges] of deletes) {
    for (let at = 0; at < ranges.length; at += 2) {
      if (!areDeleted(store, client, ranges[at] as number, ranges[at + 1] as number)) return false
    }
  }
  return true
}

function areDeleted(store: Y.Doc['store'], client: number, from: number, to: number): boolean {
  if (to > Y.getState(store, client)) return false
  const structs = store.clients.get(client) ?? []
  for (let at = Y.findIndexSS(structs, from); at < structs.length; at++) {
    const struct = structs[at]
    if (struct === undefined || struct.id.clock >= to) break
    if (!struct.deleted) return false
  }
  return true
}

/** Of everything in a document that has a gap; it writes what is parked as well. */
function coverageWithPending(doc: Y.Doc): Coverage | undefined {
  const { pendingStructs, pendingDs } = doc.store
  let known: Coverage = emptyCoverage
  const parked = [
    Y.encodeStateAsUpdate(doc),
    ...(pendingStructs === null ? [] : [Y.convertUpdateFormatV2ToV1(pendingStructs.update)]),
    ...(pendingDs === null ? [] : [Y.convertUpdateFormatV2ToV1(pendingDs)]),
  ]
  for (const bytes of parked) {
    const coverage = readUpdate(bytes)
    if (!coverage.ok) return undefined
    known = union(known, coverage.value)
  }
  return known
}
