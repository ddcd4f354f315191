export { LogError, type LogErrorCode } from './log/errors.js'
export { defaultLogPolicy, type LogPolicy, type LogWorld } from './log/options.js'
export type * from './log/port.js'
