import { updateLimits, type UpdateLimits } from '@holdfast/peer/protocol'

/**
 * For bytes that are in the log already: they were judged on their way in, and a document may be
 * larger than an op.
 */
export const ownBytes: UpdateLimits = {
  ...updateLimits,
  maxBytes: Number.MAX_SAFE_INTEGER,
  maxClients: Number.MAX_SAFE_INTEGER,
  maxSubdocuments: Number.MAX_SAFE_INTEGER,
  maxRootTypes: Number.MAX_SAFE_INTEGER,
}
