export { AccessError, type AccessErrorCode } from './errors.js'
export { Door } from './door.adapter.js'
export { matchesGlob } from './glob.js'
export { openGrant, type AccessByGlob, type Grant, type TokenVerifier } from './grant.js'
export { answer, pathOf, refuseUpgrade } from './http.adapter.js'
export { isLoopback } from './ip.js'
export { closeListener, httpServer, listen, listeningPort } from './listener.adapter.js'
export { isOpenByAccident } from './open-by-accident.js'
export { TokenBucket } from './token-bucket.js'
export {
  createTokenVerifier,
  mintToken,
  type TokenKeys,
  type TokenToMint,
} from './tokens.adapter.js'
