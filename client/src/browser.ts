/** What only browsers have. */
export { browserStore, type BrowserStoreOptions } from './client/browser-store.js'
export { ClientError, type ClientErrorCode } from './errors.js'
export { openBrowserDriver, storeWorker } from './store/drivers/sql-js/browser-driver.adapter.js'
