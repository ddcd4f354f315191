import type { TokenVerifier } from '@holdfast/access'
import type { Access } from '@holdfast/peer/protocol'
import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import type { Counters } from './counters.js'
import type { IceOptions } from './ice.js'
import type { SignalLimits } from './limits.js'

/** What every part of one server shares. */
export interface SignalContext {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: SignalLimits
  readonly counters: Counters
  /** Absent: nobody needs a token, and everybody has `openAccess`. */
  readonly tokens?: TokenVerifier
  readonly openAccess: Access
  /** Whether those who may be archives are told which rooms there are. */
  readonly namesRooms: boolean
  readonly ice: IceOptions
  /** Whether frames are relayed at all. */
  readonly relays: boolean
}
