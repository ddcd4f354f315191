export { createClient } from './client/create-client.js'
export { memoryStore } from './client/memory-store.js'
export type { ClientOptions } from './client/options.js'
export type * from './api.js'
export type { ClientStore, CoreHost, CoreSeat, Platform } from './core/core.js'
export type { ArchiveAddress } from './core/network.js'
export { ClientError, type ClientErrorCode } from './errors.js'
export {
  HoldfastProvider,
  type ProviderEvents,
  type ProviderOptions,
  type ProviderStatus,
} from './provider.js'
