import {
  accept,
  parseCollectionName,
  parseDocumentId,
  refuse,
  type CollectionName,
  type DocumentId,
  type Parsed,
} from '@holdfast/peer/protocol'

/** What a y-websocket client has in its URL. */
export interface YWebsocketAddress {
  readonly collection: CollectionName
  readonly document: DocumentId
}

/**
 * Reads `/<collection>/<document>` behind the server's prefix, as it stands in the URL. One segment
 * alone is a document of the collection `default`; whatever comes behind the second slash belongs to
 * the document's name.
 */
export function readAddress(path: string): Parsed<YWebsocketAddress> {
  const decoded = decodedSegments(path)
  if (decoded === undefined) return refuse('malformed', 'path: not a URL-encoded name')
  const [first = '', ...rest] = decoded
  const collection = parseCollectionName(rest.length === 0 ? defaultCollection : first)
  if (!collection.ok) return collection
  const document = parseDocumentId(rest.length === 0 ? first : rest.join('/'))
  if (!document.ok) return document
  return accept({ collection: collection.value, document: document.value })
}

function decodedSegments(path: string): readonly string[] | undefined {
  try {
    return path
      .replace(/^\//, '')
      .split('/')
      .map((segment) => decodeURIComponent(segment))
  } catch {
    // A percent sign that leads nowhere.
    return undefined
  }
}

const defaultCollection = 'default'
