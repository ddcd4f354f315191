import {
  parseCollectionName,
  parseDocumentId,
  parseInstanceId,
  parseReplicaId,
  type CollectionName,
  type DocumentRef,
  type InstanceId,
  type Parsed,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import type { LeaseKey } from '@holdfast/archive'

export function collectionOf(name: string): CollectionName {
  return valid(parseCollectionName(name))
}

export function documentOf(id: string, generation = 0): DocumentRef {
  return { id: valid(parseDocumentId(id)), generation }
}

export function instanceOf(number: number): InstanceId {
  return valid(parseInstanceId(number.toString(16).padStart(32, 'a')))
}

export function replicaOf(number: number): ReplicaId {
  return valid(parseReplicaId(number.toString(16).padStart(32, 'b')))
}

export function leaseOf(replica: number, instance = replica, name = 'notes'): LeaseKey {
  return {
    collection: collectionOf(name),
    replica: replicaOf(replica),
    instance: instanceOf(instance),
  }
}

/** The collection and the document that most tests use. */
export const notes = collectionOf('notes')
export const note = documentOf('note-1')

function valid<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.refusal.detail)
  return parsed.value
}
