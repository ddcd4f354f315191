import { describe } from 'vitest'
import { describeLog } from '../../contract/describeLog.js'
import { describeAppending } from '../../contract/log/appending.js'
import { describeDurability } from '../../contract/log/durability.js'
import { describeReading } from '../../contract/log/reading.js'
import { inlineSqliteLog, threadedSqliteLog } from './sqlite-subject.js'

describeLog(inlineSqliteLog)

// The same code in threads of its own, which take time to start: what crosses between them.
describe('a threaded SQLite log', () => {
  describeAppending(threadedSqliteLog)
  describeDurability(threadedSqliteLog)
  describeReading(threadedSqliteLog)
})
