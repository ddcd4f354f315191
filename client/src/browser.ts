/** What only browsers have. */
export { openBrowserDriver, storeWorker } from './store/drivers/sql-js/browser-driver.adapter.js'
export { ClientError, type ClientErrorCode } from './errors.js'
