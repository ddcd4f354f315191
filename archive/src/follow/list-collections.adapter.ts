import { parseCollectionName, type CollectionName } from '@holdfast/peer/protocol'
import type { TokenProvider } from '@holdfast/peer'

/**
 * Asks another archive by its admin API which collections it holds. Rejects with what it answers
 * otherwise, and when it takes longer than ten seconds.
 *
 * @param url where it serves peers, `ws:` or `wss:`
 * @param stop gives it up
 */
export async function listCollections(
  url: string,
  token: TokenProvider | undefined,
  stop: AbortSignal,
): Promise<readonly CollectionName[]> {
  const names: CollectionName[] = []
  const bearer = await token?.()
  for (;;) {
    const address = new URL(`${url.replace(/^ws/, 'http').replace(/\/$/, '')}/admin/collections`)
    const after = names.at(-1)
    if (after !== undefined) address.searchParams.set('after', after)
    const response = await fetch(address, {
      redirect: 'error',
      signal: AbortSignal.any([stop, AbortSignal.timeout(withinMs)]),
      ...(bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } }),
    })
    if (!response.ok) throw new Error(`${address.pathname} answers ${response.status}`)
    const { collections, more } = JSON.parse(await textOf(response)) as Record<string, unknown>
    if (!Array.isArray(collections)) throw new Error(`${address.pathname} answers something else`)
    const before = names.length
    for (const given of collections.slice(0, maxCollections - before)) {
      const name = parseCollectionName(given)
      if (name.ok) names.push(name.value)
    }
    // A page that brings nothing would be asked for again and again.
    if (more !== true || names.length === before || names.length >= maxCollections) return names
  }
}

/** Rejects above `maxPageBytes`, of which a thousand of the longest names take a tenth. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxPageBytes) throw new Error(`the list is longer than ${maxPageBytes} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

const withinMs = 10_000
const maxPageBytes = 2 * 1024 * 1024
/** Each is a link of its own. */
const maxCollections = 10_000
