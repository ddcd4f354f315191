import { describeLog } from './describeLog.js'
import { memoryLog } from './log/memory-log.js'

describeLog(memoryLog)
