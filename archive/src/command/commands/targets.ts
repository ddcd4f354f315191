/*
 * What commands are pointed at: looked up before anything is done, so that a slip of the finger gets
 * an answer that says what was meant.
 */
import { type Flag, type Given, Mistake, printable, suggestion } from '@holdfast/command'
import { basename, join } from 'node:path'
import {
  parseCollectionName,
  parseDocumentId,
  type CollectionName,
  type DocumentId,
} from '@holdfast/peer/protocol'
import { namesBeside } from '../../tools/neighbours.adapter.js'
import { openForReading } from '../../tools/open-for-reading.js'
import { isFolder, isThere } from '../../tools/portable/folder.adapter.js'

/** The log that is meant: the file, or the one in a folder as in `--data`. */
export function logAt(path: string): string {
  const inside = join(path, 'archive.db')
  return isFolder(path) && isThere(inside) ? inside : path
}

/** Throws `Mistake` if there is no such file. */
export function assertThere(path: string, what: string): void {
  if (isThere(path)) return
  const near = suggestion(basename(path), namesBeside(path))
  throw new Mistake(`There is no ${what} '${printable(path)}'.${near}`)
}

export interface Target {
  readonly collection?: CollectionName
  readonly document?: DocumentId
  /** Those that are meant. */
  readonly collections: readonly CollectionName[]
}

export const targetFlags: readonly Flag[] = [
  { name: 'collection', value: 'NAME', help: 'Only this collection' },
  { name: 'document', value: 'NAME', help: 'Only this document of it' },
]

/** What `--collection` and `--document` name in a log; throws `Mistake` if it is not there. */
export function targetIn(file: string, given: Given): Target {
  assertThere(file, 'log')
  const { collection, document } = targetOf(given)
  const { sql, close } = openForReading(file)
  try {
    const all = sql
      .readTuples<readonly [CollectionName]>('SELECT name FROM collections ORDER BY name')
      .all()
      .map(([name]) => name)
    if (collection === undefined) return { collections: all }
    if (!all.includes(collection)) {
      const near = suggestion(collection, all)
      throw new Mistake(`The log has no collection '${printable(collection)}'.${near}`)
    }
    if (document === undefined) return { collection, collections: [collection] }
    const names = sql
      .readTuples<readonly [DocumentId]>(
        `SELECT DISTINCT d.name FROM documents d JOIN collections c ON c.id = d.collection
         WHERE c.name = ?`,
      )
      .all(collection)
      .map(([name]) => name)
    if (names.includes(document)) return { collection, document, collections: [collection] }
    const near = suggestion(document, names)
    throw new Mistake(`'${collection}' has no document '${printable(document)}'.${near}`)
  } finally {
    close()
  }
}

/** What they say, whether it is anywhere or not. */
export function targetOf(given: Given): Omit<Target, 'collections'> {
  const collection = given.value('collection')
  const document = given.value('document')
  if (collection === undefined) {
    if (document === undefined) return {}
    throw new Mistake('--document needs --collection: documents are named inside of one.')
  }
  const parsed = parseCollectionName(collection)
  if (!parsed.ok) throw new Mistake(`--collection: ${parsed.refusal.detail}.`)
  if (document === undefined) return { collection: parsed.value }
  const parsedDocument = parseDocumentId(document)
  if (!parsedDocument.ok) throw new Mistake(`--document: ${parsedDocument.refusal.detail}.`)
  return { collection: parsed.value, document: parsedDocument.value }
}
