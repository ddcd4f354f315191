/*
 * A client that edits until it is killed: node client-writer.js FILE SERVER. What is saved goes to
 * standard output, a number a line.
 */
import { createClient } from '@holdfast/client'
import { nodeStore } from '@holdfast/client/node'
import { writeSync } from 'node:fs'

const [file, server] = process.argv.slice(2)
if (file === undefined || server === undefined) throw new Error('client-writer takes FILE SERVER')
const client = await createClient({ store: nodeStore(file), server })
client.onError(() => {})
const notes = await client.collection('notes')
const document = await notes.open('killed')
const list = document.ydoc.getArray<number>('list')
for (let n = list.length; ; n++) {
  list.push([n])
  await document.whenSaved()
  // At once, and not into a buffer of this process, which will be gone.
  writeSync(1, `${n}\n`)
}
