import {
  accept,
  messageBounds,
  refuse,
  versionOfLink,
  type Access,
  type CollectionName,
  type Credential,
  type Grant,
  type MessageOf,
  type Parsed,
} from '@holdfast/peer/protocol'
import type { NodeContext } from '../context.js'
import type { Caller } from './caller.js'

/** What somebody may do in one collection, and until when. */
export interface Admitted {
  readonly access: Access
  /** Wall-clock milliseconds; Infinity for ever. */
  readonly expiresAtMs: number
}

/** Whether what a `hello` says makes sense here, before its credential is looked at. */
export function checkHello(hello: MessageOf<'hello'>): Parsed<MessageOf<'hello'>> {
  const version = versionOfLink(hello.version)
  if (!version.ok) return version
  // An archive that follows this one comes as a peer.
  if (hello.sender.role !== 'peer') return refuse('unexpected-message', 'hello: from an archive')
  return accept(hello)
}

/** Holds a credential against a collection. Never rejects. */
export async function admit(
  context: NodeContext,
  caller: Caller,
  collection: CollectionName,
  credential: Credential,
): Promise<Parsed<Admitted>> {
  const { verifier, openAccess, logger } = context
  if (credential.kind === 'voucher') return admitAnnounced(caller, credential.voucher)
  if (verifier === undefined) return accept({ access: openAccess, expiresAtMs: Infinity })
  if (credential.kind === 'none') return refuse('unauthenticated', 'no token')
  try {
    const granted = await verifier.verify(credential.token)
    if (!granted.ok) return granted
    const access = granted.value.accessTo(collection)
    if (access === undefined) return refuse('forbidden', 'token: not for this collection')
    return accept({ access, expiresAtMs: granted.value.expiresAtMs })
  } catch (error) {
    logger.error('checking a token failed', { error: String(error) })
    return refuse('unavailable', 'tokens cannot be checked now')
  }
}

/** As `hello` and `granted` tell it. */
export function grantOf(context: NodeContext, { access, expiresAtMs }: Admitted): Grant {
  if (expiresAtMs === Infinity) return { access }
  const restMs = Math.max(0, Math.floor(expiresAtMs - context.clock.now()))
  return { access, validForMs: Math.min(restMs, messageBounds.maxDelayMs) }
}

function admitAnnounced({ announced }: Caller, voucher: string): Parsed<Admitted> {
  if (announced === undefined || announced.voucher !== voucher) {
    return refuse('unauthenticated', 'a voucher that no signaller gave for this link')
  }
  return accept({ access: announced.access, expiresAtMs: Infinity })
}
