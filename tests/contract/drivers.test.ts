import { openMemoryDriver } from '@holdfast/client/testing'
import { describeDriver } from './describeDriver.js'

describeDriver({
  name: 'memory',
  kind: 'memory',
  isDurable: false,
  secondOwner: 'none',
  create: async () => ({ open: openMemoryDriver, close: async () => {} }),
})
