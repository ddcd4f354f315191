export { defaultTopologyLimits, type TopologyLimits } from './limits.js'
export { pairOf, type Pair, type Role, type TopologyChange } from './links.js'
export {
  createTopology,
  type JoinOptions,
  type Topology,
  type TopologyOptions,
} from './topology.js'
