import type { AppendOp } from '@holdfast/archive'
import type { CollectionName, DocumentRef, InstanceId } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { instanceOf, note, notes } from './names.js'

/** Somebody who writes a document: each edit is an op of theirs. */
export class Writer {
  readonly ydoc: Y.Doc
  readonly instance: InstanceId
  readonly collection: CollectionName
  readonly document: DocumentRef
  /** Everything written so far, in order. */
  readonly ops: LiveOp[] = []
  readonly #number: { n: number }

  /**
   * @param number makes clientID and instance; both can be given apart
   * @param counter shared by the documents of one instance: its op ids are one sequence
   */
  constructor(
    number: number,
    {
      document = note,
      collection = notes,
      clientId = number,
      counter = { n: 0 },
    }: {
      document?: DocumentRef
      collection?: CollectionName
      clientId?: number
      counter?: { n: number }
    } = {},
  ) {
    this.ydoc = new Y.Doc({ gc: true })
    this.ydoc.clientID = clientId
    this.instance = instanceOf(number)
    this.document = document
    this.collection = collection
    this.#number = counter
    this.ydoc.on('update', (bytes: Uint8Array, origin: unknown) => {
      if (origin === fromOthers) return
      this.ops.push({
        collection,
        document,
        kind: 'live',
        id: { instance: this.instance, n: ++this.#number.n },
        bytes,
      })
    })
  }

  get text(): Y.Text {
    return this.ydoc.getText('text')
  }

  /** Writes at the end; the op. */
  write(text: string): LiveOp {
    return this.edit(() => this.text.insert(this.text.length, text))
  }

  /** Deletes from the start; the op. */
  erase(length: number): LiveOp {
    return this.edit(() => this.text.delete(0, length))
  }

  /** One edit; the op. */
  edit(change: () => void): LiveOp {
    const before = this.ops.length
    this.ydoc.transact(change)
    const op = this.ops[before]
    if (op === undefined || this.ops.length > before + 1) throw new Error('not one op')
    return op
  }

  /** Learns what others wrote, which makes no op. */
  learn(...ops: readonly { readonly bytes: Uint8Array }[]): void {
    for (const { bytes } of ops) Y.applyUpdate(this.ydoc, bytes, fromOthers)
  }

  /** The whole state, as an upload. */
  upload(stateVector?: Uint8Array): AppendOp {
    const { collection, document } = this
    const bytes = Y.encodeStateAsUpdate(this.ydoc, stateVector)
    return { collection, document, kind: 'upload', bytes }
  }
}

export interface LiveOp extends AppendOp {
  readonly kind: 'live'
  readonly id: { readonly instance: InstanceId; readonly n: number }
}

const fromOthers = 'others'

/** The same bytes without their author: state of whatever origin. */
export function asUpload({ collection, document, bytes }: AppendOp): AppendOp {
  return { collection, document, kind: 'upload', bytes }
}

/** The document that these updates make, applied together. */
export function docOf(updates: readonly Uint8Array[]): Y.Doc {
  // A given guid spares it a random number, which costs more than the document.
  const doc = new Y.Doc({ gc: true, guid: 'read' })
  if (updates.length > 0) Y.applyUpdate(doc, Y.mergeUpdates([...updates]))
  // What came before its predecessors can stay pending although nothing is missing: once more.
  if (hasPending(doc)) Y.applyUpdate(doc, Y.encodeStateAsUpdate(doc))
  return doc
}

export function hasPending({ store }: Y.Doc): boolean {
  return store.pendingStructs !== null || store.pendingDs !== null
}

export function textOf(updates: readonly Uint8Array[]): string {
  return docOf(updates).getText('text').toJSON()
}
