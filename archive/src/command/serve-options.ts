/** The settings of an archive that serves: what was said, as options of it. */
import { Mistake, pathOf, portOf, present, wholeOf, type Given } from '@holdfast/command'
import { parseCollectionName } from '@holdfast/peer/protocol'
import type { ArchiveOptions } from '../server/options.js'
import { archiveLimitsOf } from './limits.js'

/** Everything but the keys, which have to be read first. Throws `Mistake`. */
export function archiveOptionsOf(given: Given, command: string): ArchiveOptions {
  const folder = given.value('data')
  if (folder === undefined) {
    throw new Mistake(`${command} needs --data DIR, where everything is kept, as in: --data ./data`)
  }
  const yWebsocketPath = given.value('y-websocket-path')
  return {
    folder,
    ...present('host', given.value('host')),
    ...present('port', portOf(given, 'port')),
    ...present('path', pathOf(given, 'path')),
    ...(yWebsocketPath === 'off'
      ? { yWebsocketPath: false }
      : present('yWebsocketPath', pathOf(given, 'y-websocket-path'))),
    ...present('origins', given.list('origin')),
    ...present('trustedProxies', wholeOf(given, 'trusted-proxies')),
    ...present('backupFolder', given.value('backups')),
    open: given.isOn('open'),
    ...archiveLimitsOf(given),
    processMetrics: true,
  }
}

/** Which archive to follow, whose rooms to join, and what is seen to from the start. Throws `Mistake`. */
export function outreachOptionsOf(
  given: Given,
  followToken: string | undefined,
  signalToken: string | undefined,
): Pick<ArchiveOptions, 'follow' | 'signal' | 'collections'> {
  const url = given.value('follow')
  const urls = given.list('signal') ?? []
  if (url !== undefined) checkAddress(given, 'follow', url)
  for (const one of urls) checkAddress(given, 'signal', one)
  const collections = (given.list('collection') ?? []).map((name) => {
    const parsed = parseCollectionName(name)
    if (parsed.ok) return parsed.value
    throw new Mistake(`${given.nameOf('collection')} takes names of collections, not ${name}`)
  })
  return {
    collections,
    ...(url === undefined ? {} : { follow: { url, ...tokenFrom(followToken) } }),
    ...(urls.length === 0 ? {} : { signal: { urls, ...tokenFrom(signalToken) } }),
  }
}

function checkAddress(given: Given, flag: string, url: string): void {
  if (/^wss?:\/\/[^/]/.test(url)) return
  throw new Mistake(`${given.nameOf(flag)} takes a ws:// or wss:// address, not ${url}`)
}

function tokenFrom(token: string | undefined): { readonly token?: () => string } {
  return token === undefined ? {} : { token: () => token }
}
