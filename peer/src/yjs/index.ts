export { mergeUpdates } from './merge-updates.js'
