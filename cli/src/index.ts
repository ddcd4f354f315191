export { main } from './cli.js'
export type { Terminal } from './terminal.js'
