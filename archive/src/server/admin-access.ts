/*
 * Who may use the admin API. A token with `admin`, for the collection that is asked about or for all
 * of them; or somebody on this machine, who could read the file anyway.
 *
 * Never a web page: a page that somebody looks at on this machine can make its browser send requests
 * here, and with a name of its own that leads to 127.0.0.1 it can read the answers. Browsers give
 * themselves away by `Origin` and `Sec-Fetch-…`, such a name by `Host`, a proxy by what it adds.
 * A proxy that adds nothing and says a `Host` of its own cannot be told from somebody here: where
 * there are proxies, by the operator's own word, nobody goes without a token.
 */
import { isLoopback, type TokenVerifier } from '@holdfast/access'
import { accept, refuse, type CollectionName, type Parsed } from '@holdfast/peer/protocol'
import type { IncomingHttpHeaders } from 'node:http'

export interface AdminCaller {
  readonly headers: IncomingHttpHeaders
  readonly remoteAddress: string
  /** Proxies of our own in front. */
  readonly trustedProxies: number
}

/** @param collection undefined: what is asked for concerns all of them */
export async function allowAdmin(
  { headers, remoteAddress, trustedProxies }: AdminCaller,
  tokens: TokenVerifier | undefined,
  collection: CollectionName | undefined,
): Promise<Parsed<void>> {
  if (isFromPage(headers)) return refuse('origin-not-allowed', 'admin: not for web pages')
  const token = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (token !== undefined && tokens !== undefined) {
    const grant = await tokens.verify(token)
    if (!grant.ok) return grant
    // No collection is called so: only a glob that means every name means this one.
    const access = grant.value.accessTo(collection ?? ('*' as CollectionName))
    if (access === 'admin') return accept(undefined)
    return refuse('forbidden', 'admin: the token does not give it')
  }
  const isHere = isLoopback(remoteAddress) && isLoopback(hostOf(headers)) && !isForwarded(headers)
  if (isHere && trustedProxies === 0) return accept(undefined)
  return refuse('unauthenticated', 'admin: a token is needed')
}

/**
 * Whether it was asked for by a name of this machine. A browser that was led here by a name of
 * somebody else's says that one.
 */
export function isAskedAsLocal({ host }: IncomingHttpHeaders): boolean {
  return host === undefined || isLoopback(hostOf({ host }))
}

function isFromPage(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site']
  return headers.origin !== undefined || (site !== undefined && site !== 'none')
}

/** Somebody elsewhere is speaking through a proxy on this machine. */
function isForwarded(headers: IncomingHttpHeaders): boolean {
  return ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    (name) => headers[name] !== undefined,
  )
}

function hostOf({ host = '' }: IncomingHttpHeaders): string {
  return host.replace(/:\d+$/, '')
}
