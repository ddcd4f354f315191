import type { DocumentRef, InstanceId } from '@holdfast/peer/protocol'
import type { Entry, Page, RowEntry } from '../port.js'

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

export function packPage({ entries, ...page }: Page): PackedPage {
  const rows: RowEntry[] = []
  const others: [number, Entry][] = []
  let size = 0
  entries.forEach((entry, position) => {
    if (entry.kind === 'row') {
      rows.push(entry)
      size += entry.bytes.length
    } else {
      others.push([position, entry])
    }
  })
  const documents = new Table<DocumentRef>()
  const instances = new Table<InstanceId>()
  const numbers = new Float64Array(rows.length * numbersPerRow)
  const bytes = new Uint8Array(size)
  let end = 0
  rows.forEach(({ seq, document, id, bytes: own }, row) => {
    const at = row * numbersPerRow
    numbers[at] = seq
    numbers[at + 1] = documents.indexOf(document)
    numbers[at + 2] = id === undefined ? -1 : instances.indexOf(id.instance)
    numbers[at + 3] = id?.n ?? 0
    numbers[at + 4] = own.length
    bytes.set(own, end)
    end += own.length
  })
  return { ...page, others, documents: documents.items, instances: instances.items, numbers, bytes }
}

/** The bytes of the rows are views of the page's: none is ever used twice. */
export function unpackPage(packed: PackedPage): Page {
  const { others, documents, instances, numbers, bytes, ...page } = packed
  const entries: Entry[] = []
  let next = 0
  let start = 0
  const addOthers = (): void => {
    for (; others[next]?.[0] === entries.length; next++)
      entries.push((others[next] as [number, Entry])[1])
  }
  for (let at = 0; at < numbers.length; at += numbersPerRow) {
    addOthers()
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
  return { ...page, entries }
}

/** Gives each item a number, the same one each time. Documents of a page are the same objects. */
class Table<Item> {
  readonly items: Item[] = []
  readonly #indexes = new Map<Item, number>()

  indexOf(item: Item): number {
    const known = this.#indexes.get(item)
    if (known !== undefined) return known
    const index = this.items.push(item) - 1
    this.#indexes.set(item, index)
    return index
  }
}
