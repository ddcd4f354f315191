export * from './ports/index.js'
export {
  Channel,
  channelBounds,
  type ChannelClosed,
  type ChannelOptions,
  type ChannelStatistics,
} from './links/channel.js'
export {
  broadcastBounds,
  BroadcastLinks,
  type BroadcastChannelLike,
  type BroadcastLinksOptions,
} from './links/broadcast-links.js'
export { browserRtc } from './links/browser-rtc.adapter.js'
export { Deadlines, type Due } from './links/deadlines.js'
export { heartbeatBounds } from './links/heartbeat.js'
export { laterLink, type LaterLink } from './links/later-link.js'
export { Parting, type PartingOptions } from './links/parting.js'
export { maxLinkBufferBytes, PipeLink, type Pipe, type PipeListener } from './links/pipe-link.js'
export { portLink, type MessagePortLike } from './links/port-link.js'
export { rtcAttemptBounds, type RtcAttempt } from './links/rtc-attempt.js'
export { createRtcAttempt, type RtcAttemptOptions } from './links/webrtc.adapter.js'
export { socketCloseCodes, webSocketLink } from './links/web-socket-link.js'
export { windowBounds } from './links/window.js'
export * from './signalling/index.js'
export * from './sync/index.js'
export * from './yjs/index.js'
export { PeerError, type PeerErrorCode } from './errors.js'
export * from './presence/index.js'
export * from './mesh/index.js'
export {
  createMesh,
  type Mesh,
  type MeshIdentity,
  type MeshOptions,
  type MeshStatistics,
} from './create-mesh.js'
