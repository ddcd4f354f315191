import { describeLog } from '../../contract/describeLog.js'
import { inlineSqliteLog, threadedSqliteLog } from './sqlite-subject.js'

describeLog(inlineSqliteLog)
describeLog(threadedSqliteLog)
