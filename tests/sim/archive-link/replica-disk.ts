import type { Random } from '@holdfast/peer/ports'
import {
  hexOf,
  type ArchiveId,
  type DocumentId,
  type DocumentRef,
  type ErrorCode,
  type OpId,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { ArchivePosition } from '@holdfast/client/testing'

/** An op as a replica keeps it, for ever. */
export type StoredOp = (
  | { readonly kind: 'live' | 'upload'; readonly bytes: Uint8Array }
  | { readonly kind: 'tombstone' }
) & {
  readonly position: number
  readonly op: OpId
  readonly document: DocumentRef
  readonly isOwn: boolean
}

/**
 * What a replica of the tests leaves behind when it stops: the plainest thing that keeps what the
 * ledger promises. A copy of it is a clone of the device, or a backup.
 */
export class ReplicaDisk {
  replica: ReplicaId
  readonly documents = new Map<DocumentId, { readonly generation: number; readonly doc: Y.Doc }>()
  readonly positions = new Map<ArchiveId, ArchivePosition>()
  readonly answered = new Map<ArchiveId, Set<string>>()
  readonly refused = new Map<string, ErrorCode>()
  readonly hashes = new Set<string>()
  /** Owed to some archive that is known. */
  ops: StoredOp[] = []
  /** All that there ever was: for the tests alone, as what neighbours may still have. */
  history: StoredOp[] = []

  constructor(random: Random, replica = hexOf(random.bytes(16)) as ReplicaId) {
    this.replica = replica
  }

  copy(random: Random, replica = this.replica): ReplicaDisk {
    const copy = new ReplicaDisk(random, replica)
    for (const [id, { generation, doc }] of this.documents) {
      const own = new Y.Doc()
      Y.applyUpdate(own, Y.encodeStateAsUpdate(doc))
      copy.documents.set(id, { generation, doc: own })
    }
    for (const [archive, position] of this.positions) copy.positions.set(archive, position)
    for (const [archive, keys] of this.answered) copy.answered.set(archive, new Set(keys))
    for (const [key, code] of this.refused) copy.refused.set(key, code)
    for (const hash of this.hashes) copy.hashes.add(hash)
    copy.ops = [...this.ops]
    copy.history = [...this.history]
    return copy
  }
}

export function keyOfOp({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
