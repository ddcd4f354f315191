import {
  emptyCoverage,
  isEmpty,
  type Coverage,
  type IdRanges,
  type OpId,
  type Refusal,
} from '@holdfast/peer/protocol'
import type { LogPolicy } from '../options.js'
import type { DocumentState } from './document-state.js'
import type { HashOnDemand } from './op-hash.js'

/** An op whose bytes have been read. */
export interface Candidate {
  /** Of live ops only: uploads are never judged by who wrote them. */
  readonly id: OpId | undefined
  readonly coverage: Coverage
  readonly size: number
  readonly bytes: HashOnDemand
}

/** What is remembered of a live op. */
export interface KnownOp {
  readonly seq: number
  readonly hash: string
}

export type Verdict =
  /** Everything in it is held already. */
  | { readonly verdict: 'contained'; readonly seq: number; readonly gapped: boolean }
  /** It becomes a row, which misses something or not. */
  | { readonly verdict: 'row'; readonly missing: IdRanges }
  /** `rekey` means that two have written under one name: the bytes are kept for whoever looks. */
  | { readonly verdict: 'refused'; readonly refusal: Refusal }

/** Rows that a document may park: each costs memory beyond its bytes, and time when a gap closes. */
export const maxParkedRows = 4_096

/**
 * What becomes of an op in a document that is not deleted. Changes nothing.
 *
 * `known` is what is remembered under the op's id. It is compared, and it finds the earlier answer;
 * whether the bytes are in the log is never decided by it, but by what the rows contain.
 */
export function judge(
  { id, coverage, size, bytes }: Candidate,
  state: DocumentState,
  known: KnownOp | undefined,
  policy: LogPolicy,
): Verdict {
  if (id !== undefined) {
    if (known !== undefined && known.hash !== bytes.hash) return refused('rekey', otherBytes)
    if (hasOtherAuthor(coverage, id, state)) return refused('rekey', otherInstance)
  }
  if (state.setAside.size > 0 && state.setAside.has(bytes.hash)) {
    return refused('malformed-update', 'these bytes had to be set aside before')
  }
  const { integrated, parked } = state
  const seq = known?.seq ?? state.lastSeq
  if (isEmpty(coverage) || integrated.contains(coverage)) {
    return { verdict: 'contained', seq, gapped: false }
  }

  const missing = integrated.plainlyHolds(coverage)
    ? emptyCoverage.structs
    : integrated.missing(coverage)
  // What misses nothing is new even if parked rows hold each part of it: it closes their gap.
  if (missing.size > 0 && parked.containsWithIntegrated(coverage)) {
    return { verdict: 'contained', seq, gapped: true }
  }
  if (state.bytes + size > policy.maxDocumentBytes) {
    return refused('document-too-large', `more than ${policy.maxDocumentBytes} bytes with this op`)
  }
  if (missing.size > 0) {
    if (parked.count >= maxParkedRows || parked.bytes + size > policy.maxParkedBytes) {
      return refused('predecessors-first', 'too much of the document waits for predecessors')
    }
    if (reachOf(missing) > policy.maxAheadClocks) {
      return refused('predecessors-first', `more than ${policy.maxAheadClocks} clocks ahead`)
    }
  }
  return { verdict: 'row', missing }
}

const otherBytes = 'other bytes under the same op id'
const otherInstance = 'a clientID of another instance'

function hasOtherAuthor(
  coverage: Coverage,
  id: OpId,
  { instanceByClient }: DocumentState,
): boolean {
  for (const client of coverage.structs.keys()) {
    const author = instanceByClient.get(client)
    if (author !== undefined && author !== id.instance) return true
  }
  return false
}

/** How far, at most, from what is known of a client to the last thing that is missing of it. */
function reachOf(missing: IdRanges): number {
  let reach = 0
  for (const ranges of missing.values()) {
    reach = Math.max(reach, (ranges[ranges.length - 1] as number) - (ranges[0] as number))
  }
  return reach
}

function refused(code: Refusal['code'], detail: string): Verdict {
  return { verdict: 'refused', refusal: { code, detail } }
}
