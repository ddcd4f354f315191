/*
 * Makes two clients on files of their own, lets them sync a document through mesh and archive and
 * closes them, so many times, and tells what is left in this process.
 *
 *     node --expose-gc client-cycles.js SERVER FOLDER CYCLES
 *
 * It ends by itself: nothing may keep the process alive.
 */
import { createClient, type Client, type Document } from '@holdfast/client'
import { nodeStore } from '@holdfast/client/node'
import { join } from 'node:path'
import { processState } from './process-state.js'

const [server = '', folder = '', cycles = ''] = process.argv.slice(2)

/** After so many, what is allocated once is allocated. */
const warmUp = 20

/** Everything that was made, for as long as something holds it. */
const made: WeakRef<object>[] = []

await runCycles('warm-up', warmUp)
const before = await processState()
await runCycles('cycle', Number(cycles))
// What is saying goodbye holds its client until it has been heard, for five seconds at the most.
const after = await processState(before, () => heldOf(made) === 0)
const held = heldOf(made)
if (held !== 0) throw new Error(`${held} clients, collections and documents are still held`)
console.log(JSON.stringify({ before, after }))

function heldOf(references: readonly WeakRef<object>[]): number {
  return references.filter((one) => one.deref() !== undefined).length
}

async function runCycles(name: string, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await cycle(`${name} ${at}`)
}

async function cycle(collection: string): Promise<void> {
  const ends = await Promise.all(['a', 'b'].map((end) => openEnd(end, collection)))
  await Promise.all(
    ends.map(async ({ document }) => {
      await has(document, 'from afrom b'.length)
      await document.whenSynced()
      await document.whenArchived()
    }),
  )
  await Promise.all(ends.map(({ client }) => client.close()))
}

async function openEnd(
  end: string,
  collection: string,
): Promise<{ readonly client: Client; readonly document: Document }> {
  const client = await createClient({ store: nodeStore(join(folder, `${end}.db`)), server })
  const notes = await client.collection(collection)
  const document = await notes.open('note')
  document.ydoc.getText('text').insert(0, `from ${end}`)
  made.push(new WeakRef(client), new WeakRef(notes), new WeakRef(document.ydoc))
  return { client, document }
}

function has({ ydoc }: Document, length: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (ydoc.getText('text').length !== length) return
      ydoc.off('update', look)
      resolve()
    }
    ydoc.on('update', look)
    look()
  })
}
