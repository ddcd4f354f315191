import { openMemoryDriver } from '@holdfast/client/testing'
import { describeDriver } from './describeDriver.js'
import { nodeSubject } from './driver/node-subject.js'
import { simulatedSubject } from './driver/simulated-subject.js'

describeDriver({
  name: 'memory',
  kind: 'memory',
  isDurable: false,
  secondOwner: 'none',
  create: async () => ({ open: openMemoryDriver, close: async () => {} }),
})

describeDriver({
  name: 'better-sqlite3',
  kind: 'better-sqlite3',
  isDurable: true,
  secondOwner: 'refused',
  create: nodeSubject,
})

describeDriver({
  name: 'redo log on a simulated disk',
  kind: 'simulated',
  isDurable: true,
  secondOwner: 'takes',
  create: simulatedSubject,
})
