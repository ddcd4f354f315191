/**
 * In the place of `lib0/webcrypto`, which in React Native wants a package that nobody keeps any more
 * (see `metro.adapter.ts`). The platform is looked at when it is asked, so that Yjs can be imported
 * before the module that brings random numbers.
 */
import { ClientError } from '../errors.js'
import { assertRandomValues } from './random-values.adapter.js'

export function getRandomValues<T extends ArrayBufferView<ArrayBuffer>>(array: T): T {
  assertRandomValues()
  return globalThis.crypto.getRandomValues(array)
}

/** Neither Yjs nor Holdfast asks for it. */
export const subtle: unknown = new Proxy(
  {},
  {
    get(_, name) {
      throw new ClientError('unsupported', `there is no crypto.subtle.${String(name)} here`)
    },
  },
)
