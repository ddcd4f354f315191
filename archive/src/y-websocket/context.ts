import type { Clock, Logger } from '@holdfast/peer/ports'
import type { Log } from '../log/port.js'
import type { YWebsocketCounters } from './counters.js'
import type { YWebsocketLimits } from './limits.js'
import type { StateBudget } from './state-budget.js'

/** What all sessions of one bridge share. */
export interface YWebsocketContext {
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: YWebsocketLimits
  readonly counters: YWebsocketCounters
  readonly states: StateBudget
}
