/*
 * Does to the files of a folder what a disk that forgets has to get right, says so, and waits to be
 * killed. What it leaves unsynced has to be gone then.
 *
 *     node disk-user.js FOLDER
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const [folder = ''] = process.argv.slice(2)

function at(name: string): string {
  return join(folder, name)
}

function write(name: string, flags: string, text: string, length?: number): void {
  const file = openSync(at(name), flags)
  writeSync(file, text)
  if (length !== undefined) ftruncateSync(file, length)
  fsyncSync(file)
  closeSync(file)
}

write('appended', 'w', 'one')
write('appended', 'a', ' two')
write('shortened', 'w+', 'one', 2)
write('rewritten', 'w', 'something longer')
write('rewritten', 'w', 'anew')
write('moving', 'w', 'moved')
renameSync(at('moving'), at('moved'))
write('deleted', 'w', 'deleted')
unlinkSync(at('deleted'))
writeFileSync(at('never-synced'), 'never')
const names = openSync(folder, 'r')
fsyncSync(names)

// From here on nothing is synced, and nothing of it may be left.
writeFileSync(at('appended'), 'overwritten')
renameSync(at('moved'), at('moved-again'))
unlinkSync(at('shortened'))
write('without-a-name', 'w', 'its folder was not synced')
writeSync(3, 'done\n')
setInterval(() => {}, 1_000)
