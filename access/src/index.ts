export { AccessError, type AccessErrorCode } from './errors.js'
export { Addresses, clientAddress } from './addresses.js'
export { matchesGlob } from './glob.js'
export { openGrant, type AccessByGlob, type Grant, type TokenVerifier } from './grant.js'
export { answer, pathOf, refuseUpgrade } from './http.adapter.js'
export { isLoopback } from './ip.js'
export { isOriginAllowed, type OriginPolicy } from './origins.js'
export { TokenBucket } from './token-bucket.js'
export {
  createTokenVerifier,
  mintToken,
  type TokenKeys,
  type TokenToMint,
} from './tokens.adapter.js'
