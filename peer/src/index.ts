export * from './ports/index.js'
export * from './signalling/index.js'
