export type { LinkedPeer, NeighbourReport } from './collection-mesh.js'
export {
  rtcDialer,
  type LinkAttempt,
  type LinkAttemptOptions,
  type LinkDialer,
  type RtcDialerOptions,
} from './dialer.js'
export { HandshakeGate } from './handshake-gate.js'
export { meshBounds } from './limits.js'
export {
  MeshCollection,
  type MeshCollectionStatistics,
  type MeshDocument,
} from './mesh-collection.js'
export {
  Neighbour,
  type NeighbourOptions,
  type NeighbourPhase,
  type NeighbourStatistics,
} from './neighbour.js'
export { Conversation, type ConversationListener } from './conversation.js'
