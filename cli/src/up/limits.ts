/** The limits of both servers by one set of names: the signaller's begin with `signal.` */
import { archiveLimitNames } from '@holdfast/archive/command'
import { numbersByName, type Given } from '@holdfast/command'
import type { SignalLimits } from '@holdfast/signal'
import { signalLimitNames } from '@holdfast/signal/command'

const prefix = 'signal.'

export const limitNames: ReadonlyMap<string, number> = new Map([
  ...archiveLimitNames,
  ...[...signalLimitNames].map(([name, value]) => [`${prefix}${name}`, value] as const),
])

export const limitsText = [...limitNames]
  .map(([name, value]) => `  ${name.padEnd(40)} ${value}`)
  .join('\n')

/** What was said of the signaller's. Throws a `Mistake`. */
export function signalLimitsIn(given: Given): Partial<SignalLimits> {
  return Object.fromEntries(
    [...numbersByName(given, 'limit', limitNames)]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  )
}
