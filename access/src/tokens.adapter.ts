/** Tokens are JWTs; `jose` checks and makes their signatures. */
import { accept, refuse, type Parsed } from '@holdfast/peer/protocol'
import type { Clock } from '@holdfast/peer/ports'
import { readFile } from 'node:fs/promises'
import {
  compactVerify,
  CompactSign,
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type CompactJWSHeaderParameters,
  type FlattenedJWSInput,
  type JSONWebKeySet,
} from 'jose'
import { AccessError } from './errors.js'
import { parseGrant, readGlobs, type AccessByGlob, type TokenVerifier } from './grant.js'
import { isLoopback } from './ip.js'

/** Where the keys come from. With several, a token's algorithm decides which is asked. */
export interface TokenKeys {
  /** Shared secret for HS256, at least 32 bytes of UTF-8. */
  readonly secret?: string
  /** Public keys: a JWKS file's path, or an `https:` URL (`http:` on loopback only). */
  readonly jwks?: string
}

/** Throws a AccessError when the keys cannot be used. A JWKS file is read now, a URL when needed. */
export async function createTokenVerifier(keys: TokenKeys, clock: Clock): Promise<TokenVerifier> {
  const secret = keys.secret === undefined ? undefined : secretBytes(keys.secret)
  const publicKey = keys.jwks === undefined ? undefined : await publicKeysAt(keys.jwks)
  const algorithms = [
    ...(secret === undefined ? [] : secretAlgorithms),
    ...(publicKey === undefined ? [] : publicAlgorithms),
  ]
  if (algorithms.length === 0)
    throw new AccessError('bad-option', 'tokens: neither secret nor jwks')

  // The algorithm picks the kind of key, so that a public key can never serve as a shared secret.
  const keyFor = (header: CompactJWSHeaderParameters, token: FlattenedJWSInput) => {
    if (secretAlgorithms.includes(header.alg)) {
      if (secret !== undefined) return Promise.resolve(secret)
    } else if (publicKey !== undefined) {
      return publicKey(header, token)
    }
    throw new errors.JOSEAlgNotAllowed('no key for this algorithm')
  }

  return {
    async verify(token) {
      const claims = await verifiedClaims(token, keyFor, algorithms)
      return claims.ok ? parseGrant(claims.value, clock.now()) : claims
    },
  }
}

export interface TokenToMint {
  readonly secret: string
  readonly access: AccessByGlob
  readonly expiresInMs: number
  readonly subject?: string
}

/** An HS256 token for `access`, valid from now on. */
export async function mintToken(token: TokenToMint, clock: Clock): Promise<string> {
  const globs = readGlobs(token.access)
  if (!globs.ok) throw new AccessError('bad-option', globs.refusal.detail)
  if (!(token.expiresInMs > 0)) {
    throw new AccessError('bad-option', `expiresInMs takes more than 0, got ${token.expiresInMs}`)
  }
  const claims = {
    holdfast: token.access,
    ...(token.subject === undefined ? {} : { sub: token.subject }),
    iat: Math.floor(clock.now() / 1000),
    exp: Math.ceil((clock.now() + token.expiresInMs) / 1000),
  }
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(secretBytes(token.secret))
}

type KeyFor = (
  header: CompactJWSHeaderParameters,
  token: FlattenedJWSInput,
) => Promise<CryptoKey | Uint8Array>

async function verifiedClaims(
  token: string,
  keyFor: KeyFor,
  algorithms: string[],
): Promise<Parsed<unknown>> {
  try {
    const { payload } = await compactVerify(token, keyFor, { algorithms })
    return accept(JSON.parse(new TextDecoder().decode(payload)) as unknown)
  } catch (cause) {
    // Keys that cannot be had are our trouble, not the bearer's: the same token may pass later.
    const isOurs = cause instanceof errors.JWKSTimeout || isFetchFailure(cause)
    return isOurs
      ? refuse('unavailable', 'token: its keys cannot be had now')
      : refuse('unauthenticated', 'token: not valid')
  }
}

/** What `createRemoteJWKSet` rejects with when the answer is no key set, or there is no answer. */
function isFetchFailure(cause: unknown): boolean {
  if (cause instanceof TypeError && cause.message === 'fetch failed') return true
  return cause instanceof errors.JOSEError && cause.code === 'ERR_JOSE_GENERIC'
}

async function publicKeysAt(place: string): Promise<KeyFor> {
  if (/^https?:/.test(place)) {
    const url = urlOf(place)
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      throw new AccessError('bad-option', `jwks: ${place} would be fetched without encryption`)
    }
    return createRemoteJWKSet(url)
  }
  try {
    return createLocalJWKSet(JSON.parse(await readFile(place, 'utf8')) as JSONWebKeySet)
  } catch (cause) {
    throw new AccessError('bad-keys', `jwks: ${place} cannot be read as a JWKS`, { cause })
  }
}

function urlOf(place: string): URL {
  try {
    return new URL(place)
  } catch (cause) {
    throw new AccessError('bad-option', `jwks: ${place} is no URL`, { cause })
  }
}

function secretBytes(secret: string): Uint8Array {
  const bytes = new TextEncoder().encode(secret)
  if (bytes.length < minSecretBytes) {
    throw new AccessError(
      'bad-option',
      `secret: takes at least ${minSecretBytes} bytes, got ${bytes.length}`,
    )
  }
  return bytes
}

const secretAlgorithms = ['HS256']
const publicAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
  .concat(['ES256', 'ES384', 'ES512'])
  .concat(['EdDSA', 'Ed25519'])

/** The size of HS256's hash: a shorter secret is easier to guess than the signature is to forge. */
const minSecretBytes = 32
