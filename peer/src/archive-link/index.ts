export {
  ArchiveConnection,
  type ArchiveConnectionOptions,
  type CompactedDocument,
  type PassedPresence,
} from './archive-connection.js'
export type { ArchiveDial, Dialled } from './dial.js'
export { archiveBounds } from './limits.js'
export type { Reach } from './neighbour-list.js'
export { RoomDial } from './room-dial.js'
export type { ArchiveIdentity } from './session.js'
export type { ArchiveProgress, ArchiveState, ArchiveTrouble, Share } from './state.js'
export { webSocketArchiveDial } from './web-socket-dial.adapter.js'
export type * from './ledger.js'
