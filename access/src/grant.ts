/**
 * What a token gives. The claims of a Holdfast token:
 *
 *   { "holdfast": { "notes/*": "write", "*": "read" }, "exp": 1796000000, "sub": "ada" }
 *
 * `holdfast` names collections by globs; where several mean one collection, the most counts. `exp`
 * is required, `nbf` is kept to, `sub` is for logs.
 */
import {
  accept,
  accessLevels,
  isAccess,
  refuse,
  type Access,
  type CollectionName,
  type Parsed,
} from '@holdfast/peer/protocol'
import { matchesGlob } from './glob.js'

export interface Grant {
  /** Wall-clock milliseconds at which it ends; Infinity where there are no tokens. */
  readonly expiresAtMs: number
  /** The most that it gives in any collection. Absent: not known. */
  readonly most?: Access
  /** Undefined: the collection is none of the bearer's business. */
  accessTo(collection: CollectionName): Access | undefined
}

/** Checks tokens; what access is given without one is not its business. */
export interface TokenVerifier {
  /** Never rejects for what the token is: that is a refusal. */
  verify(token: string): Promise<Parsed<Grant>>
}

/** Collections by glob, as a token names them. */
export type AccessByGlob = Readonly<Record<string, Access>>

/** Globs that one token may name: more would be a list of documents, not of collections. */
const maxGlobs = 64

/** Gives `access` to every collection, for ever: for servers without tokens. */
export function openGrant(access: Access): Grant {
  return { expiresAtMs: Number.POSITIVE_INFINITY, most: access, accessTo: () => access }
}

/**
 * Reads the claims of a token whose signature holds.
 * @param nowMs wall-clock time, against which `exp` and `nbf` are held
 */
export function parseGrant(claims: unknown, nowMs: number): Parsed<Grant> {
  if (!isObject(claims)) return refuse('unauthenticated', 'token: claims are not an object')
  const expiresAtMs = readTime(claims['exp'])
  if (expiresAtMs === undefined) return refuse('unauthenticated', 'token: no exp')
  if (expiresAtMs <= nowMs) return refuse('token-expired', 'token: ended')
  const notBeforeMs = claims['nbf'] === undefined ? 0 : readTime(claims['nbf'])
  if (notBeforeMs === undefined) return refuse('unauthenticated', 'token: nbf is not a time')
  if (notBeforeMs > nowMs + clockSkewMs) return refuse('unauthenticated', 'token: not yet valid')
  const globs = readGlobs(claims['holdfast'])
  if (!globs.ok) return globs
  const highest = highestOf(globs.value)
  return accept({
    expiresAtMs,
    ...(highest === undefined ? {} : { most: highest }),
    accessTo: (collection) =>
      highestOf(globs.value.filter(([glob]) => matchesGlob(glob, collection))),
  })
}

/** What a token's `holdfast` claim may be: used on the way in and when one is minted. */
export function readGlobs(claim: unknown): Parsed<readonly (readonly [string, Access])[]> {
  if (!isObject(claim)) return refuse('unauthenticated', 'token: no holdfast claim')
  const entries = Object.entries(claim)
  if (entries.length > maxGlobs) return refuse('unauthenticated', `token: above ${maxGlobs} globs`)
  const globs: (readonly [string, Access])[] = []
  for (const [glob, access] of entries) {
    if (!isAccess(access)) return refuse('unauthenticated', 'token: unknown access')
    globs.push([glob, access])
  }
  return accept(globs)
}

function highestOf(globs: readonly (readonly [string, Access])[]): Access | undefined {
  let level = -1
  for (const [, access] of globs) level = Math.max(level, accessLevels.indexOf(access))
  return accessLevels[level]
}

/** JWT times are seconds since the epoch. */
function readTime(claim: unknown): number | undefined {
  return typeof claim === 'number' && Number.isFinite(claim) && claim > 0 ? claim * 1000 : undefined
}

function isObject(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
}

/** Whoever issues tokens may be this far ahead of this server's clock. */
const clockSkewMs = 60_000
