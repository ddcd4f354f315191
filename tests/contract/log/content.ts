import { createHash } from 'node:crypto'
import * as Y from 'yjs'

/** Equal for documents with the same structs and deletions, if nothing is pending. */
export function digestOf(doc: Y.Doc): string {
  return createHash('sha256')
    .update(Y.encodeSnapshot(Y.snapshot(doc)))
    .digest('hex')
}

/** What a user sees, in one form: two contents under one clock, which no digest shows, differ here. */
export function contentOf(doc: Y.Doc): string {
  return JSON.stringify({
    text: doc.getText('text').toDelta() as unknown,
    map: sorted(doc.getMap('map').toJSON()),
    list: doc.getArray('list').toJSON() as unknown,
  })
}

function sorted(record: Record<string, unknown>): unknown {
  return Object.keys(record)
    .toSorted()
    .map((key) => [key, record[key]])
}
