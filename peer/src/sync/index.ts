export {
  CollectionSync,
  type CollectionSyncOptions,
  type CollectionSyncStatistics,
} from './collection-sync.js'
export { digestOf } from './digest.js'
export { keyOf } from './documents.js'
export type { Documents, Holding, LocalOp, Outcome, Position, Received } from './documents.js'
export type { Expected, Self } from './handshake.js'
export { HeldDocument } from './held-document.js'
export { syncBounds } from './limits.js'
export { Listeners } from './listeners.js'
export type { LiveMessage, PeerSession, SessionState } from './peer-session.js'
export type { SpreadingStatistics } from './spreading.js'
export { YDocuments, type YDocumentsOptions } from './y-documents.js'
