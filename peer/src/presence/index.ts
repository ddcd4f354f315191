export { Awareness, type AwarenessChange } from './awareness.js'
export {
  encodeAwareness,
  readAwareness,
  type AwarenessEntry,
  type AwarenessState,
} from './awareness-update.js'
export type { PresenceLink } from './linked.js'
export { presenceBounds } from './limits.js'
export {
  Presence,
  type PresenceMessage,
  type PresenceOptions,
  type PresenceStatistics,
} from './presence.js'
