import { mergeUpdates } from '@holdfast/peer/yjs'
import { GrowingCoverage } from '@holdfast/peer/protocol'
import type { StateForm, StoredIds } from '../port.js'
import type { DocumentState } from './document-state.js'

/** What was asked for of a state, with as many updates beside it as the form allows. */
export function inForm(
  bytes: Uint8Array,
  parked: readonly Uint8Array[],
  { maxParked = Infinity }: StateForm = {},
): { readonly bytes: Uint8Array; readonly parked: readonly Uint8Array[] } {
  if (parked.length <= maxParked) return { bytes, parked }
  if (maxParked === 0) return { bytes: mergeUpdates([bytes, ...parked]), parked: [] }
  return { bytes, parked: [mergeUpdates(parked)] }
}

/** The ids that a document's state is made of. */
export function idsOf({ integrated, parked, lastSeq }: DocumentState): StoredIds {
  const beside = new GrowingCoverage()
  for (const { coverage } of parked.rows) beside.add(coverage)
  return {
    integrated: integrated.toCoverage().structs,
    parked: beside.toCoverage().structs,
    through: lastSeq,
  }
}
