import type { ClientStore } from '../core/core.js'
import { singleOwnerStore } from './single-owner.js'

/**
 * A store that nothing outlives: for tests, for servers that hold nothing, and for apps that leave
 * keeping to others. Nothing is called saved.
 */
export function memoryStore(): ClientStore {
  return singleOwnerStore(async () => {
    // Only who uses it loads it.
    const { openMemoryDriver } = await import('../store/drivers/memory/memory-driver.js')
    return openMemoryDriver()
  })
}
