import type { OnePort } from './one-port.js'

/**
 * What is running, where, and what to try.
 *
 * @param holdfast how the program is called here
 */
export function welcomeText(one: OnePort, host: string, folder: string, holdfast: string): string {
  const place = `${reachable(host)}:${one.port}`
  const web = `http://${place}`
  const rows: readonly (readonly [string, string, string])[] = [
    ['page', `${web}/`, one.hasPage ? '' : 'not built: npm start in a checkout builds the demo'],
    ['signaller', `ws://${place}/signal`, 'y-webrtc clients: /y-webrtc'],
    ['archive', `ws://${place}/archive`, 'y-websocket clients: /yjs/COLLECTION'],
    ['health', `${web}/readyz`, 'figures: /metrics'],
  ]
  const width = Math.max(...rows.map(([, address]) => address.length)) + 3
  const tries = [
    ...(one.hasPage ? [['open the page in two windows, and cut one off', '']] : []),
    [`${holdfast} inspect ${web}`, 'what it holds and does, live'],
    [`${holdfast} backup ${folder} backup.db`, 'a copy, while it runs'],
    [`${holdfast} up --help`, 'for others than this machine: tokens, TURN, limits'],
  ] as const
  const tryWidth = Math.max(...tries.map(([what]) => what.length)) + 3
  return [
    `Holdfast is running, and keeps everything in ${folder}`,
    '',
    ...rows.map(([name, address, note]) =>
      `  ${name.padEnd(11)}${address.padEnd(width)}${note}`.trimEnd(),
    ),
    '',
    'Try',
    ...tries.map(([what, why]) => `  ${what.padEnd(tryWidth)}${why}`.trimEnd()),
    '',
    'Ctrl-C ends it, when everybody has been told and everything is on disk.',
    '',
  ].join('\n')
}

/** All addresses are not one that can be opened. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
