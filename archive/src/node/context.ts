import type { Deadlines } from '@holdfast/peer'
import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import type { Access, InstanceId } from '@holdfast/peer/protocol'
import type { Log } from '../log/port.js'
import type { AccessVerifier } from './access/verifier.js'
import type { NodeCounters } from './counters.js'
import type { LeaseFlusher } from './fan-out/lease-flusher.js'
import type { NodeLimits } from './limits.js'
import type { DocumentDigests } from './resync/digests.js'

/** What all sessions of a node share. */
export interface NodeContext {
  readonly log: Log
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: NodeLimits
  /** Absent: everybody has `openAccess`. */
  readonly verifier: AccessVerifier | undefined
  readonly openAccess: Access
  /** This run of the node. */
  readonly instance: InstanceId
  readonly deadlines: Deadlines
  readonly counters: NodeCounters
  readonly leases: LeaseFlusher
  readonly digests: DocumentDigests
}
