/** What an archive that serves is told to do by itself: whom to follow, whose rooms to be in. */
import { Mistake, type Flag, type Given, type Secret } from '@holdfast/command'
import { parseCollectionName } from '@holdfast/peer/protocol'
import type { ArchiveOptions } from '../server/options.js'

export const outreachFlags: readonly Flag[] = [
  {
    name: 'follow',
    value: 'URL',
    env: 'HOLDFAST_FOLLOW',
    help: 'Another archive, such as wss://other.example.org/archive: each gets all that the other holds',
  },
  {
    name: 'follow-token-file',
    value: 'FILE',
    env: 'HOLDFAST_FOLLOW_TOKEN_FILE',
    help: 'A token for it, with admin in all collections',
  },
  {
    name: 'signal',
    value: 'URL',
    isList: true,
    env: 'HOLDFAST_SIGNAL',
    help: 'Signaller, such as wss://example.org/signal, whose peers reach it by WebRTC, too',
  },
  {
    name: 'signal-token-file',
    value: 'FILE',
    env: 'HOLDFAST_SIGNAL_TOKEN_FILE',
    help: 'A token for it, with admin in the collections',
  },
  {
    name: 'collection',
    value: 'NAME',
    isList: true,
    env: 'HOLDFAST_COLLECTIONS',
    help: 'Followed, and joined at signallers whoever is there, before it is written in here',
  },
]

const tokenOfFollowed: Secret = {
  name: 'follow-token',
  env: 'HOLDFAST_FOLLOW_TOKEN',
  fileFlag: 'follow-token-file',
}

const tokenOfSignallers: Secret = {
  name: 'signal-token',
  env: 'HOLDFAST_SIGNAL_TOKEN',
  fileFlag: 'signal-token-file',
}

export const outreachSecrets: readonly Secret[] = [tokenOfFollowed, tokenOfSignallers]

/** Throws `Mistake`. */
export async function outreachOf(
  given: Given,
): Promise<Pick<ArchiveOptions, 'follow' | 'signal' | 'collections'>> {
  const url = given.value('follow')
  const urls = given.list('signal') ?? []
  if (url !== undefined) checkAddress(given, 'follow', url)
  for (const one of urls) checkAddress(given, 'signal', one)
  const collections = (given.list('collection') ?? []).map((name) => {
    const parsed = parseCollectionName(name)
    if (parsed.ok) return parsed.value
    throw new Mistake(`${given.nameOf('collection')} takes names of collections, not ${name}`)
  })
  const follow = url === undefined ? undefined : { url, ...(await tokenOf(given, tokenOfFollowed)) }
  const signal =
    urls.length === 0 ? undefined : { urls, ...(await tokenOf(given, tokenOfSignallers)) }
  return {
    collections,
    ...(follow === undefined ? {} : { follow }),
    ...(signal === undefined ? {} : { signal }),
  }
}

function checkAddress(given: Given, flag: string, url: string): void {
  if (/^wss?:\/\/[^/]/.test(url)) return
  throw new Mistake(`${given.nameOf(flag)} takes a ws:// or wss:// address, not ${url}`)
}

async function tokenOf(given: Given, { name }: Secret): Promise<{ readonly token?: () => string }> {
  const token = (await given.secret(name))?.trim()
  return token === undefined ? {} : { token: () => token }
}
