import type { CollectionName, DocumentId, InstanceId, Refusal } from '@holdfast/peer/protocol'
import type { AppendOutcome, DeleteOutcome, GapChange } from '../port.js'
import type { GroupItem, GroupResult } from './append.js'

/*
 * A group on its way to the thread that writes it, and back: one buffer of bytes that changes hands,
 * one of numbers, one list of names. A list of objects would cost more than writing them.
 */

export interface PackedGroup {
  /** Three an item: collection, document, instance (empty if there is no op id). */
  readonly names: readonly string[]
  /** `numbersPerItem` an item: kind, generation, n, bytes. */
  readonly numbers: Float64Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

export function itemsIn({ numbers }: PackedGroup): number {
  return numbers.length / numbersPerItem
}

export interface PackedResult {
  /** Two an outcome: seq, flags. */
  readonly numbers: Float64Array<ArrayBuffer>
  /** By the position of the item. */
  readonly refusals: readonly (readonly [position: number, refusal: Refusal])[]
  readonly gaps: readonly GapChange[]
  /** The group's bytes, given back. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

const kinds = ['live', 'upload', 'delete'] as const
const numbersPerItem = 4

export function packGroup(items: readonly GroupItem[]): PackedGroup {
  let size = 0
  for (const item of items) if (item.kind !== 'delete') size += item.bytes.length
  const names: string[] = []
  const numbers = new Float64Array(items.length * numbersPerItem)
  const bytes = new Uint8Array(size)
  let at = 0
  let end = 0
  for (const item of items) {
    const id = item.kind === 'delete' ? undefined : item.id
    names.push(item.collection, item.document.id, id?.instance ?? '')
    numbers[at] = kinds.indexOf(item.kind)
    numbers[at + 1] = item.document.generation
    numbers[at + 2] = id?.n ?? 0
    if (item.kind !== 'delete') {
      bytes.set(item.bytes, end)
      end += item.bytes.length
      numbers[at + 3] = item.bytes.length
    }
    at += numbersPerItem
  }
  return { names, numbers, bytes }
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
  for (let at = 0, name = 0; at < numbers.length; at += numbersPerItem, name += 3) {
    const kind = kinds[numbers[at] as number] ?? 'upload'
    const collection = names[name] as CollectionName
    const document = { id: names[name + 1] as DocumentId, generation: numbers[at + 1] as number }
    if (kind === 'delete') {
      items.push({ kind, collection, document })
      continue
    }
    const end = start + (numbers[at + 3] as number)
    const own = bytes.subarray(start, end)
    start = end
    const instance = names[name + 2] as InstanceId | ''
    if (instance === '') items.push({ kind, collection, document, bytes: own })
    else {
      const id = { instance, n: numbers[at + 2] as number }
      items.push({ kind, collection, document, id, bytes: own })
    }
  }
  return items
}

const committed = 1
const added = 2
const gapped = 4

export function packResult({ outcomes, gaps }: GroupResult, { bytes }: PackedGroup): PackedResult {
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
  return { numbers, refusals, gaps, bytes }
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
