import { openMemoryDriver } from '@holdfast/client/testing'
import { describeStore } from './describeStore.js'
import { nodeSubject } from './driver/node-subject.js'
import { simulatedSubject } from './driver/simulated-subject.js'

describeStore({
  name: 'memory',
  kind: 'memory',
  isDurable: false,
  secondOwner: 'none',
  create: async () => ({ open: openMemoryDriver, close: async () => {} }),
})

describeStore({
  name: 'better-sqlite3',
  kind: 'better-sqlite3',
  isDurable: true,
  secondOwner: 'refused',
  create: nodeSubject,
})

describeStore({
  name: 'redo log on a simulated disk',
  kind: 'simulated',
  isDurable: true,
  secondOwner: 'takes',
  create: simulatedSubject,
})
