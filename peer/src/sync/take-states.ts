import {
  messageBounds,
  readUpdate,
  updateLimits,
  type DocumentRef,
  type ErrorCode,
  type MessageOf,
} from '../protocol/index.js'
import type { Documents, Outcome, Received } from './documents.js'

/**
 * Gives what was answered to the documents: what the bounded reader refuses is told by `refused` and
 * reaches none of them. One outcome for each, in order.
 */
export async function takeStates(
  messages: readonly MessageOf<'update'>[],
  documents: Documents,
  refused: (code: ErrorCode, document: DocumentRef) => void,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  const taken: { readonly at: number; readonly received: Received }[] = []
  for (const [at, { document, bytes }] of messages.entries()) {
    const coverage = readUpdate(bytes, stateLimits)
    if (coverage.ok) taken.push({ at, received: { document, bytes, coverage: coverage.value } })
    else {
      outcomes[at] = { kind: 'refused', code: coverage.refusal.code }
      refused(coverage.refusal.code, document)
    }
  }
  const results = await documents.receive(taken.map(({ received }) => received))
  for (const [index, { at }] of taken.entries()) {
    const result = results[index]
    if (result !== undefined) outcomes[at] = result
  }
  return outcomes
}

/** The state of a document of the largest size may be a little longer than its content. */
const stateLimits = { ...updateLimits, maxBytes: messageBounds.maxUpdateBytes }
