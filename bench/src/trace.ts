import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { SeededRandom } from '@holdfast/peer/testing'
import * as Y from 'yjs'
import { UsageError } from './report.js'

/** Edits of one writer, one update a transaction, and the text that they end in. */
export interface EditingTrace {
  readonly name: string
  readonly updates: readonly Uint8Array[]
  readonly end: string
}

type Patch = readonly [position: number, deleted: number, inserted: string]

interface RecordedTrace {
  readonly startContent: string
  readonly endContent: string
  readonly txns: readonly { readonly patches: readonly Patch[] }[]
}

/** A recorded session of one writer: gzipped JSON of {startContent, endContent, txns: [{patches}]}. */
export function readTrace(file: string): EditingTrace {
  const recorded = parseTrace(file)
  const doc = writer()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  const text = doc.getText('text')
  if (recorded.startContent !== '') text.insert(0, recorded.startContent)
  for (const { patches } of recorded.txns) {
    doc.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) text.delete(position, deleted)
        if (inserted !== '') text.insert(position, inserted)
      }
    })
  }
  if (text.toJSON() !== recorded.endContent) {
    throw new Error(`${file}: the trace does not end in its endContent`)
  }
  return { name: file.replace(/^.*\//, '').replace(/\.json\.gz$/, ''), updates, end: text.toJSON() }
}

/** Without a recorded one: somebody types, jumps about and deletes. */
export function madeTrace(keystrokes: number): EditingTrace {
  const random = new SeededRandom('trace')
  const doc = writer()
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  const text = doc.getText('text')
  let at = 0
  while (updates.length < keystrokes) {
    if (random.chance(0.03)) at = random.below(text.length + 1)
    if (random.chance(0.15) && at > 0) text.delete(--at, 1)
    else text.insert(at++, 'abcdefghij klmnopqrst uvwxyz'.charAt(random.below(28)))
  }
  return { name: `made, ${keystrokes} keystrokes`, updates, end: text.toJSON() }
}

/** With a clientID of the length that nearly all have: it stands in every origin, and so in every size. */
function writer(): Y.Doc {
  const doc = new Y.Doc()
  doc.clientID = 0x9abc_def1
  return doc
}

function parseTrace(file: string): RecordedTrace {
  let parsed: unknown
  try {
    parsed = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'))
  } catch (error) {
    throw new UsageError(`--trace ${file}: not a gzipped JSON file (${String(error)})`)
  }
  if (typeof parsed !== 'object' || parsed === null || !('txns' in parsed)) {
    throw new UsageError(`--trace ${file}: not an editing trace`)
  }
  if (!('endContent' in parsed) || !('startContent' in parsed)) {
    throw new UsageError(`--trace ${file}: a trace of several writers; take a sequential one`)
  }
  return parsed as RecordedTrace
}
