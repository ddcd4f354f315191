export { main } from './cli.js'
export { OnePort, type OnePortOptions } from './up/one-port.js'
