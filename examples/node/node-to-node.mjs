// Two devices in one process: what one writes the other reads, and the archive keeps.
//
//   npm start                                    in one shell
//   node examples/node/node-to-node.mjs          in another
import { createClient } from '@holdfast/client'
import { nodeStore } from '@holdfast/client/node'

const server = process.argv[2] ?? 'ws://127.0.0.1:4440'
const ada = await createClient({ store: nodeStore('./ada.db'), server })
const bob = await createClient({ store: nodeStore('./bob.db'), server })

const adasNote = await (await ada.collection('notes')).open('shared')
const bobsNote = await (await bob.collection('notes')).open('shared')

const heard = new Promise((resolve) => bobsNote.ydoc.once('update', resolve))
adasNote.ydoc.getText('body').insert(0, 'Hello Bob')
await heard
console.log(bobsNote.ydoc.getText('body').toJSON())

await adasNote.whenArchived()
await ada.close()
await bob.close()
