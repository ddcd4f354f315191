import { openGrant, type Grant } from '@holdfast/access'
import {
  accept,
  refuse,
  type Access,
  type CollectionName,
  type Parsed,
} from '@holdfast/peer/protocol'
import type { SignalContext } from '../context.js'

/** What somebody may do in one collection, and for how long from now. */
export interface Granted {
  readonly access: Access
  /** Infinity: for ever. */
  readonly expiresInMs: number
}

/** Holds a token against a collection; without tokens everybody has the server's `openAccess`. */
export async function grantFor(
  context: SignalContext,
  collection: CollectionName,
  token: string | undefined,
): Promise<Parsed<Granted>> {
  const granted = await grantOf(context, token)
  if (!granted.ok) return granted
  const access = granted.value.accessTo(collection)
  if (access === undefined) return refuse('forbidden', 'token: not for this collection')
  return accept({ access, expiresInMs: granted.value.expiresAtMs - context.clock.now() })
}

/** What a token gives at all. */
export async function grantOf(
  { openAccess, tokens }: SignalContext,
  token: string | undefined,
): Promise<Parsed<Grant>> {
  if (tokens === undefined) return accept(openGrant(openAccess))
  if (token === undefined) return refuse('unauthenticated', 'token: none')
  return tokens.verify(token)
}
