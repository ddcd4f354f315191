import type { DocumentRef, InstanceId } from '@holdfast/peer/protocol'
import type { Entry, Page } from '../port.js'

/**
 * A page on its way from the thread that read it: its rows, which may be thousands, as numbers and
 * one buffer that changes hands. What else is in it travels as it is.
 */
export interface PackedPage extends Omit<Page, 'entries'> {
  /** Everything that is no row, at its position in the page. */
  readonly others: readonly (readonly [position: number, entry: Entry])[]
  readonly documents: readonly DocumentRef[]
  readonly instances: readonly InstanceId[]
  /** `numbersPerRow` a row: seq, document, instance (−1 for none), n, size. */
  readonly numbers: Float64Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

const numbersPerRow = 5

/** Puts a page together, entry by entry, without making an object for each. */
export class PagePacker {
  readonly #others: [number, Entry][] = []
  readonly #documents: DocumentRef[] = []
  readonly #instances: InstanceId[] = []
  readonly #rowBytes: Uint8Array[] = []
  #numbers = new Float64Array(firstRows * numbersPerRow)
  #size = 0

  get entries(): number {
    return this.#rowBytes.length + this.#others.length
  }

  /** The number under which rows name a document of this page. */
  addDocument(document: DocumentRef): number {
    return this.#documents.push(document) - 1
  }

  addInstance(instance: InstanceId): number {
    return this.#instances.push(instance) - 1
  }

  addRow(seq: number, document: number, instance: number, n: number, bytes: Uint8Array): void {
    const at = this.#rowBytes.length * numbersPerRow
    if (at === this.#numbers.length) {
      const larger = new Float64Array(at * 2)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    const numbers = this.#numbers
    numbers[at] = seq
    numbers[at + 1] = document
    numbers[at + 2] = instance
    numbers[at + 3] = n
    numbers[at + 4] = bytes.length
    this.#rowBytes.push(bytes)
    this.#size += bytes.length
  }

  addOther(entry: Entry): void {
    this.#others.push([this.entries, entry])
  }

  finish(page: Omit<Page, 'entries'>): PackedPage {
    const bytes = new Uint8Array(this.#size)
    let end = 0
    for (const own of this.#rowBytes) {
      bytes.set(own, end)
      end += own.length
    }
    return {
      ...page,
      others: this.#others,
      documents: this.#documents,
      instances: this.#instances,
      numbers: this.#numbers.slice(0, this.#rowBytes.length * numbersPerRow),
      bytes,
    }
  }
}

const firstRows = 64

/** The bytes of the rows are views of the page's: none is ever used twice. */
export function unpackPage(packed: PackedPage): Page {
  const { others, documents, instances, numbers, bytes, term, through, head } = packed
  const entries: Entry[] = []
  let next = 0
  let start = 0
  const addOthers = (): void => {
    for (; others[next]?.[0] === entries.length; next++) {
      entries.push((others[next] as readonly [number, Entry])[1])
    }
  }
  for (let at = 0; at < numbers.length; at += numbersPerRow) {
    if (next < others.length) addOthers()
    const end = start + (numbers[at + 4] as number)
    const document = documents[numbers[at + 1] as number] as DocumentRef
    const instance = instances[numbers[at + 2] as number]
    const seq = numbers[at] as number
    const own = bytes.subarray(start, end)
    start = end
    // Written out twice: a spread costs more than all the rest of this.
    if (instance === undefined) {
      entries.push({ kind: 'row', seq, document, bytes: own })
    } else {
      const id = { instance, n: numbers[at + 3] as number }
      entries.push({ kind: 'row', seq, document, bytes: own, id })
    }
  }
  addOthers()
  return { term, entries, through, head }
}
