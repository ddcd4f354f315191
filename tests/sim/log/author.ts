import type { SeededRandom } from '@holdfast/peer/testing'
import type { AppendOp } from '@holdfast/archive'
import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { Writer, type LiveOp } from '../../contract/log/writer.js'

/** A writing replica: it never dies, keeps all that it wrote, and learns from others. */
export class Author {
  readonly number: number
  readonly #random: SeededRandom
  readonly #counter = { n: 0 }
  readonly #writers = new Map<string, Writer>()

  constructor(number: number, random: SeededRandom) {
    this.number = number
    this.#random = random
  }

  /** Its replica of this generation of a document. */
  at(collection: CollectionName, document: DocumentRef): Writer {
    const key = `${collection}/${document.id}/${document.generation}`
    let writer = this.#writers.get(key)
    if (writer === undefined) {
      const clientId = this.#random.uint32()
      writer = new Writer(this.number, { collection, document, clientId, counter: this.#counter })
      this.#writers.set(key, writer)
    }
    return writer
  }

  get writers(): readonly Writer[] {
    return [...this.#writers.values()]
  }

  /** One edit of a random kind: an op, or none if there was nothing to change. */
  edit(writer: Writer): LiveOp | undefined {
    const before = writer.ops.length
    writer.ydoc.transact(() => this.#change(writer))
    return writer.ops[before]
  }

  /** What it holds of a document, or a part of it. */
  upload(writer: Writer): AppendOp {
    const [oldest] = writer.ops
    if (oldest === undefined || this.#random.chance(0.5)) return writer.upload()
    const early = new Y.Doc()
    Y.applyUpdate(early, oldest.bytes)
    return writer.upload(Y.encodeStateVector(early))
  }

  #change({ ydoc, text }: Writer): void {
    const random = this.#random
    const list = ydoc.getArray<number>('list')
    const map = ydoc.getMap('map')
    const at = random.below(text.length + 1)
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        text.insert(at, letters(random))
        break
      case 3:
        text.delete(at, Math.min(text.length - at, 1 + random.below(4)))
        break
      case 4:
        map.set(`key ${random.below(4)}`, random.below(100))
        break
      case 5:
        if (random.chance(0.5)) map.delete(`key ${random.below(4)}`)
        else map.set(`nested ${random.below(2)}`, new Y.Map([['n', random.below(9)]]))
        break
      case 6:
        list.insert(random.below(list.length + 1), [random.below(100)])
        break
      default:
        if (list.length > 0) list.delete(random.below(list.length), 1)
        else text.insert(0, letters(random))
    }
  }
}

function letters(random: SeededRandom): string {
  return 'kelp'.slice(random.below(4)).repeat(1 + random.below(3))
}
