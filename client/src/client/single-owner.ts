import type { ClientStore, Platform } from '../core/core.js'
import type { Driver } from '../store/driver.js'

/** A store that one client has for itself, from beginning to end. */
export function singleOwnerStore(
  openDriver: () => Promise<Driver>,
  platform?: () => Promise<Platform>,
): ClientStore {
  return {
    async begin(host) {
      const core = await host.createOwner(await openDriver())
      return { core, end: () => Promise.resolve() }
    },
    ...(platform === undefined ? {} : { platform }),
  }
}
