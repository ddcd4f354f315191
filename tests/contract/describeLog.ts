import { describe } from 'vitest'
import { describeAppending } from './log/appending.js'
import { describeCompacting } from './log/compacting.js'
import { describeCursors } from './log/cursors.js'
import { describeDeleting } from './log/deleting.js'
import { describeDurability } from './log/durability.js'
import { describeGaps } from './log/gaps.js'
import { describeHints } from './log/hints.js'
import { describeIdentity } from './log/identity.js'
import { describeLeases } from './log/leases.js'
import { describeLifecycle } from './log/lifecycle.js'
import { describeLimits } from './log/limits.js'
import { describeReading } from './log/reading.js'
import { describeReplicas } from './log/replicas.js'
import { describeRetiring } from './log/retiring.js'
import type { LogContract } from './log/subject.js'

/** The contract of the `Log` port: every log passes it, unchanged. */
export function describeLog(contract: LogContract): void {
  describe(`a ${contract.kind} log`, () => {
    describeAppending(contract)
    describeIdentity(contract)
    describeGaps(contract)
    describeLimits(contract)
    describeDurability(contract)
    describeReading(contract)
    describeCursors(contract)
    describeDeleting(contract)
    describeLeases(contract)
    describeCompacting(contract)
    describeRetiring(contract)
    describeHints(contract)
    describeReplicas(contract)
    describeLifecycle(contract)
  })
}
