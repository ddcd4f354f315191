/** The thresholds and limits of an archive, by the names that a person gives them. */
import { numbersByName, type Flag, type Given } from '@holdfast/command'
import { defaultCompactorPolicy } from '../compaction/compact-document.js'
import { defaultLogPolicy } from '../log/options.js'
import { defaultNodeLimits } from '../node/limits.js'
import { defaultServerLimits } from '../server/limits.js'
import type { ArchiveOptions } from '../server/options.js'
import { defaultYWebsocketLimits } from '../y-websocket/limits.js'

export const archiveLimitFlag: Flag = {
  name: 'limit',
  value: 'NAME=N',
  isList: true,
  env: 'HOLDFAST_ARCHIVE_LIMITS',
  help: 'One of the thresholds below',
}

const defaults = {
  log: defaultLogPolicy,
  compaction: defaultCompactorPolicy,
  server: defaultServerLimits,
  node: defaultNodeLimits,
  'y-websocket': defaultYWebsocketLimits,
} as const

type Group = keyof typeof defaults

/** All there are, with their defaults. */
export const archiveLimitNames: ReadonlyMap<string, number> = new Map(
  Object.entries(defaults).flatMap(([group, limits]) =>
    Object.entries(limits).map(([name, value]) => [`${group}.${name}`, Number(value)] as const),
  ),
)

/** What was said of them. Throws `Mistake`. */
export function archiveLimitsOf(
  given: Given,
  known: ReadonlyMap<string, number> = archiveLimitNames,
): Pick<ArchiveOptions, 'policy' | 'compaction' | 'limits'> {
  const limits: Record<Group, Record<string, number>> = {
    log: {},
    compaction: {},
    server: {},
    node: {},
    'y-websocket': {},
  }
  for (const [name, value] of numbersByName(given, 'limit', known)) {
    const [group = '', own = ''] = name.split('.')
    if (group in limits) limits[group as Group][own] = value
  }
  return {
    policy: limits.log,
    compaction: limits.compaction,
    limits: { server: limits.server, node: limits.node, yWebsocket: limits['y-websocket'] },
  }
}
