import * as Y from 'yjs'

/** An update of a new author, that writes this text at the beginning. */
export function written(text: string, clientID: number): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = clientID
  doc.getText('body').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}
