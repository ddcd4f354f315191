import type { ClientStore } from '../core/core.js'
import { openBrowserDriver } from '../store/drivers/sql-js/browser-driver.adapter.js'
import { tabsStore } from '../tabs/tab-seat.js'
import { browserTabsPort } from '../tabs/tabs-port.adapter.js'
import { singleOwnerStore } from './single-owner.js'

export interface BrowserStoreOptions {
  /** Makes the worker of the store, where the bundler does not find it by itself. */
  readonly worker?: () => Worker
}

/**
 * The browser's store of this name: sql.js in a worker, durable in IndexedDB, shared by all tabs of
 * the app. One of them has it open; the others go through that one, and take its place when it goes.
 * Where a page has no Web Locks (an address without https), tabs cannot agree: who opens it last
 * takes it over, and the one before is told `store-taken`.
 */
export function browserStore(name: string, { worker }: BrowserStoreOptions = {}): ClientStore {
  const openDriver = () => openBrowserDriver(name, worker?.())
  const port = browserTabsPort(name)
  return port === undefined ? singleOwnerStore(openDriver) : tabsStore({ port, openDriver })
}
