import type { DocumentRef } from '@holdfast/peer/protocol'
import type { AppendOutcome, DeleteOutcome } from '../port.js'
import type { KnownOp } from './judge.js'

/** What has to be written for an op in the group's transaction. What is absent has not. */
export interface AppendDecision {
  /** To be answered once the group is durable. `finish` may still correct its `gapped`. */
  readonly outcome: AppendOutcome
  /** The op becomes the row with this seq. */
  readonly row?: NewEntry
  /** To be found under the op's id from now on. */
  readonly remember?: KnownOp
  /** ClientIDs that belong to the op's instance from now on. */
  readonly authored?: readonly number[]
  /** The op's bytes go to quarantine. */
  readonly setAside?: { readonly reason: string; readonly hash: string }
}

export interface DeleteDecision {
  readonly outcome: DeleteOutcome
  readonly tombstone?: NewEntry
  /** An earlier generation that was still live, and ends with this tombstone too. */
  readonly superseded?: DocumentRef
}

export interface NewEntry {
  readonly seq: number
  /** It is the first of its collection. */
  readonly startsCollection: boolean
  /** It is the first of its document's generation. */
  readonly startsDocument: boolean
}
