export { aborted } from './aborted.js'
export { agoText, barText, bytesText, countText, numberText } from './figures.js'
export { printable, suggestion } from './nearest.js'
export { runProgram, type CommandWorld } from './run.js'
export {
  hostFlag,
  keyFlags,
  keysOf,
  logLevelFlag,
  logLevels,
  openFlag,
  originFlags,
  secretOfTokens,
  type LogLevel,
} from './serving.js'
export {
  Mistake,
  type Command,
  type CommandContext,
  type Environment,
  type ExitCode,
  type Failure,
  type Flag,
  type Given,
  type Program,
  type Progress,
  type Secret,
} from './spec.js'
export { tableText, type Column } from './table.js'
export { processTerminal, type Terminal } from './terminal.adapter.js'
export {
  choiceOf,
  countOf,
  durationMsOf,
  numbersByName,
  pathOf,
  portOf,
  present,
  wholeOf,
} from './values.js'
