export {
  CollectionMesh,
  type CollectionMeshOptions,
  type LinkedPeer,
  type NeighbourReport,
} from './collection-mesh.js'
export {
  rtcDialer,
  type LinkAttempt,
  type LinkAttemptOptions,
  type LinkDialer,
  type RtcDialerOptions,
} from './dialer.js'
export { browserWebSocket } from './browser-web-socket.adapter.js'
export { gateOfProcess } from './handshake-gate.adapter.js'
export { DirectLinks, type DirectLinksOptions } from './direct-links.js'
export { HandshakeGate } from './handshake-gate.js'
export { meshBounds } from './limits.js'
export { MeshCollection, type MeshCollectionStatistics } from './mesh-collection.js'
export type { MeshDocument } from './mesh-document.js'
export {
  Neighbour,
  type NeighbourOptions,
  type NeighbourPhase,
  type NeighbourStatistics,
} from './neighbour.js'
export { Conversation, type ConversationListener } from './conversation.js'
