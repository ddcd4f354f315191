/** The archive's commands, for programs that have more of them. */
export { inspectCommand, inspectionText } from './commands/inspect.js'
export { serveCommandOf } from './commands/serve.js'
export { toolCommands } from './commands/tools.js'
export { archiveFailureOf } from './failure.js'
export { outreachFlags, outreachOf, outreachSecrets } from './outreach.js'
export { archiveLimitFlag, archiveLimitsOf, archiveLimitNames } from './limits.js'
