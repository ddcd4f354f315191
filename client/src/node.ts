/** What only Node has. */
export { openNodeDriver, type NodeDriverOptions } from './store/drivers/node/node-driver.adapter.js'
