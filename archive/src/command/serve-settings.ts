/** The settings of `holdfast-archive serve`: what was said, as options of an archive. */
import { defaultCompactorPolicy } from '../compaction/compact-document.js'
import { defaultLogPolicy } from '../log/options.js'
import { defaultNodeLimits } from '../node/limits.js'
import { defaultServerLimits } from '../server/limits.js'
import type { ArchiveOptions } from '../server/options.js'
import { defaultYWebsocketLimits } from '../y-websocket/limits.js'
import { printable, suggestion } from './nearest.js'
import { Mistake, type Given } from './spec.js'

export const logLevels = ['silent', 'error', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

/** Everything but the keys, which have to be read first. Throws `Mistake`. */
export function archiveOptionsOf(given: Given): ArchiveOptions {
  const folder = given.value('data')
  if (folder === undefined) {
    throw new Mistake('serve needs --data DIR, where everything is kept, as in: --data ./data')
  }
  const yWebsocketPath = given.value('y-websocket-path')
  const limits = limitsOf(given.value('limit'))
  return {
    folder,
    ...present('host', given.value('host')),
    ...present('port', wholeOf(given, 'port')),
    ...present('path', pathOf(given, 'path')),
    ...(yWebsocketPath === 'off'
      ? { yWebsocketPath: false }
      : present('yWebsocketPath', pathOf(given, 'y-websocket-path'))),
    ...present('origins', listOf(given.value('origin'))),
    ...present('trustedProxies', wholeOf(given, 'trusted-proxies')),
    ...present('backupFolder', given.value('backups')),
    open: given.isOn('open'),
    policy: limits.log,
    compaction: limits.compaction,
    limits: { server: limits.server, node: limits.node, yWebsocket: limits['y-websocket'] },
    processMetrics: true,
  }
}

const defaults = {
  log: defaultLogPolicy,
  compaction: defaultCompactorPolicy,
  server: defaultServerLimits,
  node: defaultNodeLimits,
  'y-websocket': defaultYWebsocketLimits,
} as const

type Group = keyof typeof defaults
type Limits = Record<Group, Record<string, number>>

const defaultByName = new Map<string, number>(
  Object.entries(defaults).flatMap(([group, limits]) =>
    Object.entries(limits).map(([name, value]) => [`${group}.${name}`, Number(value)] as const),
  ),
)

/** The names of all thresholds and limits, with their defaults, a line each. */
export const limitsText = [...defaultByName]
  .map(([name, value]) => `  ${name.padEnd(40)} ${value}`)
  .join('\n')

function limitsOf(text: string | undefined): Limits {
  const limits: Limits = { log: {}, compaction: {}, server: {}, node: {}, 'y-websocket': {} }
  for (const item of listOf(text) ?? []) {
    const [name = '', value = ''] = item.split('=', 2)
    if (!defaultByName.has(name)) {
      const near = suggestion(name, defaultByName.keys())
      throw new Mistake(`There is no limit '${printable(name)}'.${near}`)
    }
    const [group = '', own = ''] = name.split('.')
    limits[group as Group][own] = whole(value, `--limit ${name}`)
  }
  return limits
}

function wholeOf(given: Given, flag: string): number | undefined {
  const value = given.value(flag)
  return value === undefined ? undefined : whole(value, `--${flag}`)
}

function whole(value: string, what: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw new Mistake(`${what} takes a whole number; it got '${printable(value)}'.`)
}

/** A path that requests can have: anything else would never be found. */
function pathOf(given: Given, flag: string): string | undefined {
  const path = given.value(flag)
  if (path === undefined || /^(\/[\w.~-]+)+$/.test(path)) return path
  throw new Mistake(`--${flag} takes a path such as /sync; it got '${printable(path)}'.`)
}

function listOf(text: string | undefined): readonly string[] | undefined {
  return text?.split(',').map((item) => item.trim())
}

function present<Name extends string, T>(
  name: Name,
  value: T | undefined,
): { readonly [K in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in Name]: T })
}
