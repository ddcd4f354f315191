export {
  clientsOf,
  contains,
  difference,
  emptyCoverage,
  isEmpty,
  missing,
  union,
  unwrittenDeletes,
  type Coverage,
  type IdRanges,
} from './coverage.js'
export { encodeCoverage, readCoverage } from './encode-coverage.js'
export { GrowingCoverage } from './growing-coverage.js'
export { updateLimits, type UpdateLimits } from './limits.js'
export { readUpdate } from './read-update.js'
export {
  encodeStateVector,
  readSnapshot,
  readStateVector,
  stateVectorOf,
  type StateVector,
} from './state-vector.js'
