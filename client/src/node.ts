/** What only Node has. */
export { nodeStore, type NodeStoreOptions } from './client/node-store.js'
export { openNodeDriver, type NodeDriverOptions } from './store/drivers/node/node-driver.adapter.js'
