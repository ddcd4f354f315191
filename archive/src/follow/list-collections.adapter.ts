import { parseCollectionName, type CollectionName } from '@holdfast/peer/protocol'
import type { TokenProvider } from '@holdfast/peer'

/**
 * Asks another archive by its admin API which collections it holds. Rejects with what it answers
 * otherwise, and when it takes longer than ten seconds.
 *
 * @param url where it serves peers, `ws:` or `wss:`
 */
export async function listCollections(
  url: string,
  token: TokenProvider | undefined,
): Promise<readonly CollectionName[]> {
  const names: CollectionName[] = []
  const bearer = await token?.()
  for (;;) {
    const address = new URL(`${url.replace(/^ws/, 'http').replace(/\/$/, '')}/admin/collections`)
    const after = names.at(-1)
    if (after !== undefined) address.searchParams.set('after', after)
    const response = await fetch(address, {
      signal: AbortSignal.timeout(withinMs),
      ...(bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } }),
    })
    if (!response.ok) throw new Error(`${address.pathname} answers ${response.status}`)
    const { collections, more } = (await response.json()) as Record<string, unknown>
    if (!Array.isArray(collections)) throw new Error(`${address.pathname} answers something else`)
    for (const given of collections) {
      const name = parseCollectionName(given)
      if (name.ok) names.push(name.value)
    }
    if (more !== true || collections.length === 0 || names.length >= maxCollections) return names
  }
}

const withinMs = 10_000
/** Each is a link of its own. */
const maxCollections = 10_000
