/*
 * Backs a log up, says so by descriptor 3, and waits to be killed.
 *
 *     node backup-maker.js FILE DESTINATION
 */
import { backupLog } from '@holdfast/archive'
import { systemClock } from '@holdfast/peer/ports'
import { writeSync } from 'node:fs'

const [file = '', destination = ''] = process.argv.slice(2)
await backupLog({ file, destination }, { clock: systemClock })
writeSync(3, 'done\n')
setInterval(() => {}, 1_000)
