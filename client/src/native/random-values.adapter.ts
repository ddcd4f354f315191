import { ClientError } from '../errors.js'

/**
 * Throws `unsupported` where the platform has no strong random numbers. React Native itself has none;
 * a module of the app brings them. Ids, and Yjs' clientIDs, must never be drawn from a weak source:
 * two devices with one id write over each other.
 */
export function assertRandomValues(): void {
  const { crypto } = globalThis as { readonly crypto?: Partial<Crypto> }
  if (typeof crypto?.getRandomValues === 'function') return
  throw new ClientError('unsupported', noRandomValues)
}

const noRandomValues =
  "this platform has no crypto.getRandomValues: install react-native-get-random-values, and make `import 'react-native-get-random-values'` the app's first line"
