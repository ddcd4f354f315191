import type { Driver } from '../store/driver.js'
import { ClientError } from '../errors.js'

/**
 * In the place of the driver in memory where Metro bundles (`react-native` in `package.json`): that one
 * is SQLite in WebAssembly, which React Native does not have, and would weigh down every app.
 */
export async function openMemoryDriver(): Promise<Driver> {
  throw new ClientError(
    'unsupported',
    'React Native has no WebAssembly for a store in memory: give nativeStore({ sqlite, name })',
  )
}
