export { MemoryDisk } from './memory-disk.js'
export { openMemoryLog, type MemoryLogOptions } from './memory-log.js'
export type { Sync } from './writer.js'
