import {
  hexOf,
  parseCollectionName,
  parseDocumentId,
  type CollectionName,
  type DocumentRef,
  type InstanceId,
  type Parsed,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import { systemRandom } from '@holdfast/peer/ports'

export function collectionNamed(name: string): CollectionName {
  return valid(parseCollectionName(name))
}

export function documentOf(name: string): DocumentRef {
  return { id: valid(parseDocumentId(name)), generation: 0 }
}

export function freshInstance(): InstanceId {
  return hexOf(systemRandom.bytes(16)) as InstanceId
}

export function freshReplica(): ReplicaId {
  return hexOf(systemRandom.bytes(16)) as ReplicaId
}

/** What somebody comes back to (A6). */
export const missedRows = 100_000
/** With all that Yjs adds. */
export const rowBytes = 100

function valid<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.refusal.detail)
  return parsed.value
}
