/** For tests and simulations: a log without a disk, and the parts that decide what becomes of an op. */
export * from './log/append/index.js'
export * from './log/memory/index.js'
export * from './log/sqlite/testing.js'
