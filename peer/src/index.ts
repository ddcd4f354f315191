export * from './ports/index.js'
export {
  Channel,
  channelBounds,
  type ChannelClosed,
  type ChannelOptions,
  type ChannelStatistics,
} from './links/channel.js'
export { heartbeatBounds } from './links/heartbeat.js'
export { windowBounds } from './links/window.js'
export * from './signalling/index.js'
