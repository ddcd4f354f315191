/** The settings of an archive that serves: what was said, as options of it. */
import { Mistake, pathOf, portOf, present, wholeOf, type Given } from '@holdfast/command'
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
