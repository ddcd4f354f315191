import type { ClientStore } from '../core/core.js'
import { openBrowserDriver } from '../store/drivers/sql-js/browser-driver.adapter.js'
import { singleOwnerStore } from './single-owner.js'

export interface BrowserStoreOptions {
  /** Makes the worker of the store, where the bundler does not find it by itself. */
  readonly worker?: () => Worker
}

/**
 * The browser's store of this name: sql.js in a worker, durable in IndexedDB. One tab at a time has
 * it: who opens it last takes it over.
 */
export function browserStore(name: string, { worker }: BrowserStoreOptions = {}): ClientStore {
  return singleOwnerStore(() => openBrowserDriver(name, worker?.()))
}
