export type { ConnectionState } from './connection.js'
export type { SignallingCounters } from './counters.js'
export type { Dial, SignalSocket, SocketListener } from './dial.js'
export { defaultSignallingClientLimits, type SignallingClientLimits } from './limits.js'
export type { GoneReason, NeighbourNews } from './neighbourhood.js'
export type { RoomOptions, RoomState, SignallingRoom } from './room.js'
export { createSignalling, type Signalling, type SignallingOptions } from './signalling.js'
export type { TokenProvider } from './token-source.js'
export {
  webSocketDial,
  type WebSocketConstructor,
  type WebSocketLike,
} from './web-socket-dial.adapter.js'
