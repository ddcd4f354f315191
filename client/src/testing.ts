/** For tests, ours and others': stores that need no platform. */
export { openMemoryDriver } from './store/drivers/memory/memory-driver.js'
export type {
  Driver,
  DriverEvent,
  Durability,
  SqlRow,
  SqlValue,
  Statement,
} from './store/driver.js'
