import type { ClientStore } from '../core/core.js'
import {
  openNodeDriver,
  type NodeDriverOptions,
} from '../store/drivers/node/node-driver.adapter.js'
import { nodePlatform } from './node-platform.adapter.js'
import { singleOwnerStore } from './single-owner.js'

export type NodeStoreOptions = Omit<NodeDriverOptions, 'file'>

/**
 * A file that this process has for itself, in better-sqlite3, which the app installs; its folder is
 * made where there is none. For links it knows `ws` and `@roamhq/wrtc`, where the app has them.
 */
export function nodeStore(file: string, options: NodeStoreOptions = {}): ClientStore {
  return singleOwnerStore(() => openNodeDriver({ ...options, file }), nodePlatform)
}
