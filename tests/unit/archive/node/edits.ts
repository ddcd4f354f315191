import * as Y from 'yjs'

/** A document that is written in, edit by edit. */
export class Writing {
  readonly doc = new Y.Doc()

  constructor(clientId: number) {
    this.doc.clientID = clientId
  }

  /** One edit; its update. */
  insert(text: string): Uint8Array {
    const before = Y.encodeStateVector(this.doc)
    const body = this.doc.getText('body')
    body.insert(body.length, text)
    return Y.encodeStateAsUpdate(this.doc, before)
  }
}
