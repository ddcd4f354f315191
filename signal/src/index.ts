export {
  AccessError,
  createTokenVerifier,
  mintToken,
  type TokenKeys,
  type TokenToMint,
  type AccessByGlob,
  type Grant,
  type TokenVerifier,
} from '@holdfast/access'
export { Counters } from './counters.js'
export { SignalError, type SignalErrorCode } from './errors.js'
export type { IceOptions, TurnOptions } from './ice.js'
export { defaultSignalLimits, type SignalLimits } from './limits.js'
export { pinoLogger } from './operations/pino-logger.adapter.js'
export type { SignalServer, SignalServerOptions } from './options.js'
export { createSignalServer } from './server.adapter.js'
export type { Socket, SocketListener } from './sockets/socket.js'
export { createSwitchboard, type Switchboard, type SwitchboardOptions } from './switchboard.js'
