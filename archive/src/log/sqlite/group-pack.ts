import type {
  CollectionName,
  DocumentId,
  DocumentRef,
  InstanceId,
  Refusal,
} from '@holdfast/peer/protocol'
import type { AppendOutcome, DeleteOutcome, GapChange } from '../port.js'
import type { GroupItem, GroupResult } from './append.js'

/*
 * A group on its way to the thread that writes it, and back: one buffer of bytes that changes hands,
 * one of numbers, one list of names. A list of objects, or of the names of each item, would cost more
 * than writing them.
 */

export interface PackedGroup {
  /** Each once. */
  readonly names: readonly string[]
  /** See `fields`. */
  readonly numbers: Float64Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** What stands of an item in the numbers; of the three names, where in the list they are. */
const fields = {
  kind: 0,
  collection: 1,
  document: 2,
  generation: 3,
  /** −1 if there is no op id. */
  instance: 4,
  n: 5,
  length: 6,
} as const
const numbersPerItem = 7

export function itemsIn({ numbers }: PackedGroup): number {
  return numbers.length / numbersPerItem
}

export interface PackedResult {
  /** Two an outcome: seq, flags. */
  readonly numbers: Float64Array<ArrayBuffer>
  /** By the position of the item. */
  readonly refusals: readonly (readonly [position: number, refusal: Refusal])[]
  readonly gaps: readonly GapChange[]
  readonly walPages: number
  /** The group's bytes, given back. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

const kinds = ['live', 'upload', 'delete'] as const

export function packGroup(items: readonly GroupItem[]): PackedGroup {
  let size = 0
  for (const item of items) if (item.kind !== 'delete') size += item.bytes.length
  const list = new NameList()
  const collections = new NameColumn(list)
  const documents = new NameColumn(list)
  const instances = new NameColumn(list)
  const numbers = new Float64Array(items.length * numbersPerItem)
  const bytes = new Uint8Array(size)
  let at = 0
  let end = 0
  for (const item of items) {
    const id = item.kind === 'delete' ? undefined : item.id
    numbers[at + fields.kind] = kinds.indexOf(item.kind)
    numbers[at + fields.collection] = collections.place(item.collection)
    numbers[at + fields.document] = documents.place(item.document.id)
    numbers[at + fields.generation] = item.document.generation
    numbers[at + fields.instance] = id === undefined ? -1 : instances.place(id.instance)
    numbers[at + fields.n] = id?.n ?? 0
    if (item.kind !== 'delete') {
      bytes.set(item.bytes, end)
      end += item.bytes.length
      numbers[at + fields.length] = item.bytes.length
    }
    at += numbersPerItem
  }
  return { names: list.names, numbers, bytes }
}

class NameList {
  readonly names: string[] = []
  readonly #placeByName = new Map<string, number>()

  place(name: string): number {
    let place = this.#placeByName.get(name)
    if (place === undefined) {
      place = this.names.push(name) - 1
      this.#placeByName.set(name, place)
    }
    return place
  }
}

/** What one session pushes comes in a row: mostly an item has the names of the one before it. */
class NameColumn {
  readonly #list: NameList
  #name: string | undefined
  #place = 0

  constructor(list: NameList) {
    this.#list = list
  }

  place(name: string): number {
    if (name !== this.#name) {
      this.#place = this.#list.place(name)
      this.#name = name
    }
    return this.#place
  }
}

/** Where the bytes of each item end in the group's. */
export function endsOf(items: readonly GroupItem[]): readonly number[] {
  let end = 0
  return items.map((item) => (end += item.kind === 'delete' ? 0 : item.bytes.length))
}

/** The bytes of the items are views of the group's. */
export function unpackGroup({ names, numbers, bytes }: PackedGroup): readonly GroupItem[] {
  const items: GroupItem[] = []
  let start = 0
  let document: DocumentRef | undefined
  for (let at = 0; at < numbers.length; at += numbersPerItem) {
    const kind = kinds[numbers[at + fields.kind] as number] ?? 'upload'
    const collection = names[numbers[at + fields.collection] as number] as CollectionName
    const name = names[numbers[at + fields.document] as number] as DocumentId
    const generation = numbers[at + fields.generation] as number
    if (document?.id !== name || document.generation !== generation) {
      document = { id: name, generation }
    }
    if (kind === 'delete') {
      items.push({ kind, collection, document })
      continue
    }
    const end = start + (numbers[at + fields.length] as number)
    const own = bytes.subarray(start, end)
    start = end
    const instance = names[numbers[at + fields.instance] as number] as InstanceId | undefined
    if (instance === undefined) items.push({ kind, collection, document, bytes: own })
    else {
      const id = { instance, n: numbers[at + fields.n] as number }
      items.push({ kind, collection, document, id, bytes: own })
    }
  }
  return items
}

const committed = 1
const added = 2
const gapped = 4

export function packResult(
  { outcomes, gaps }: GroupResult,
  { bytes }: PackedGroup,
  walPages: number,
): PackedResult {
  const numbers = new Float64Array(outcomes.length * 2)
  const refusals: [number, Refusal][] = []
  outcomes.forEach((outcome, position) => {
    if (outcome.status === 'refused') {
      refusals.push([position, outcome.refusal])
      return
    }
    const isGapped = 'gapped' in outcome && outcome.gapped
    numbers[position * 2] = outcome.seq
    numbers[position * 2 + 1] = committed | (outcome.added ? added : 0) | (isGapped ? gapped : 0)
  })
  return { numbers, refusals, gaps, walPages, bytes }
}

export function unpackOutcomes(
  { numbers, refusals }: PackedResult,
  items: readonly GroupItem[],
): readonly (AppendOutcome | DeleteOutcome)[] {
  const refusalByPosition = new Map(refusals)
  return items.map(({ kind }, position) => {
    const refusal = refusals.length === 0 ? undefined : refusalByPosition.get(position)
    if (refusal !== undefined) return { status: 'refused', refusal }
    const flags = numbers[position * 2 + 1] as number
    const seq = numbers[position * 2] as number
    const isAdded = (flags & added) !== 0
    return kind === 'delete'
      ? { status: 'committed', seq, added: isAdded }
      : { status: 'committed', seq, added: isAdded, gapped: (flags & gapped) !== 0 }
  })
}
