import { numbersByName, type Given } from '@holdfast/command'
import { defaultSignalLimits, type SignalLimits } from '../limits.js'

/** All limits of a signaller, by the names that a person gives them, with their defaults. */
export const signalLimitNames: ReadonlyMap<string, number> = new Map(
  Object.entries(defaultSignalLimits).map(([name, value]) => [name, Number(value)]),
)

/** What was said of them. Throws a `Mistake`. */
export function signalLimitsOf(given: Given): Partial<SignalLimits> {
  return Object.fromEntries(numbersByName(given, 'limit', signalLimitNames))
}
