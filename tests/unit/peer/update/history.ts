import type { SeededRandom } from '@holdfast/peer/testing'
import * as Y from 'yjs'
import { randomText, randomValue } from './values.js'

/**
 * Some writers who edit one document, hear from each other late, in any order, or not at all, and
 * all that Yjs wrote on the way.
 */
export interface History {
  readonly docs: readonly Y.Doc[]
  /** One a local transaction, as the author's `update` event gave it. */
  readonly edits: readonly Uint8Array[]
  /** What `update` events gave where somebody else's bytes were applied. */
  readonly relayed: readonly Uint8Array[]
}

export interface HistoryOptions {
  readonly writers: number
  readonly steps: number
}

export function randomHistory(random: SeededRandom, options: HistoryOptions): History {
  const edits: Uint8Array[] = []
  const relayed: Uint8Array[] = []
  const taken = new Set<number>()
  const docs = Array.from({ length: options.writers }, () => {
    const doc = randomDoc(random, taken)
    doc.on('update', (update: Uint8Array, _origin: unknown, _doc: Y.Doc, { local }) => {
      ;(local ? edits : relayed).push(update)
    })
    return doc
  })
  const undo = docs.map((doc) => new Y.UndoManager([doc.getText('text'), doc.getArray('array')]))
  for (let step = 0; step < options.steps; step++) {
    const writer = random.below(docs.length)
    const doc = docs[writer] as Y.Doc
    if (random.chance(0.3)) hear(random, doc, docs, edits)
    else if (random.chance(0.06)) undo[writer]?.[random.chance(0.5) ? 'undo' : 'redo']()
    else doc.transact(() => repeat(1 + random.below(3), () => edit(random, doc)))
  }
  for (const manager of undo) manager.destroy()
  return { docs, edits, relayed }
}

/** A document with its clientID from the same random source, so that a seed replays. */
function randomDoc(random: SeededRandom, taken: Set<number>): Y.Doc {
  const doc = new Y.Doc({ gc: random.chance(0.7), guid: 'history' })
  do doc.clientID = randomClient(random)
  while (taken.has(doc.clientID))
  taken.add(doc.clientID)
  // The types are known from the start, as in an app.
  doc.getText('text')
  doc.getMap('map')
  doc.getArray('array')
  doc.getXmlFragment('xml')
  return doc
}

/** Most need five bytes; some are small, and some use all 53 bits. */
function randomClient(random: SeededRandom): number {
  if (random.chance(0.8)) return random.uint32()
  return random.chance(0.5)
    ? 2 + random.below(200)
    : random.uint32() * 2 ** 21 + random.below(2 ** 21)
}

/** One edit's bytes, or somebody's whole state, or the difference to it. */
function hear(
  random: SeededRandom,
  doc: Y.Doc,
  docs: readonly Y.Doc[],
  edits: readonly Uint8Array[],
): void {
  const other = random.pick(docs)
  const choice = random.below(10)
  if (choice < 6 && edits.length > 0) {
    Y.applyUpdate(doc, random.pick(edits))
  } else if (choice < 8) {
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc)))
  } else {
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(other))
  }
}

function edit(random: SeededRandom, doc: Y.Doc): void {
  const roots = [
    doc.getText('text'),
    doc.getText('text'),
    doc.getMap('map'),
    doc.getArray('array'),
    doc.getXmlFragment('xml'),
    doc.getText(`text-${random.below(4)}`),
  ]
  editType(random, random.pick<Y.AbstractType<unknown>>(roots as Y.AbstractType<unknown>[]), 0)
}

function editType(random: SeededRandom, type: Y.AbstractType<unknown>, depth: number): void {
  // Now and then something inside is edited instead.
  const inner = nestedTypes(type)
  if (depth < 4 && inner.length > 0 && random.chance(0.6)) {
    editType(random, random.pick(inner), depth + 1)
  } else if (type instanceof Y.Text) {
    editText(random, type)
  } else if (type instanceof Y.Map) {
    editMap(random, type)
  } else if (type instanceof Y.Array) {
    editArray(random, type)
  } else if (type instanceof Y.XmlFragment) {
    editXml(random, type)
  }
}

function editText(random: SeededRandom, text: Y.Text): void {
  const { length } = text
  const at = random.below(length + 1)
  const size = Math.min(1 + random.below(6), length - at)
  const choice = random.below(12)
  if (choice < 6 || length === 0) text.insert(at, randomText(random))
  else if (choice < 9) text.delete(at, size)
  else if (choice < 11) text.format(at, size, randomFormat(random))
  else text.insertEmbed(at, { image: randomText(random), n: [1, null, { deep: true }] })
  if (text instanceof Y.XmlText && random.chance(0.2))
    text.setAttribute('class', randomText(random))
}

function randomFormat(random: SeededRandom): Record<string, unknown> {
  return random.pick<Record<string, unknown>>([
    { bold: true },
    { bold: null },
    { link: { href: randomText(random), rel: [1, 2] } },
    { 'clé "é"': 'ünïcode' },
    { size: 1.5e-7 },
  ])
}

function editMap(random: SeededRandom, map: Y.Map<unknown>): void {
  const key = random.pick(['a', 'b', 'clé', '', '__proto__'])
  if (random.chance(0.25)) map.delete(key)
  else map.set(key, random.chance(0.3) ? newType(random) : randomValue(random))
}

function editArray(random: SeededRandom, array: Y.Array<unknown>): void {
  const { length } = array
  const at = random.below(length + 1)
  if (length > 0 && random.chance(0.35)) {
    array.delete(Math.min(at, length - 1), 1)
  } else {
    const values = Array.from({ length: 1 + random.below(4) }, () =>
      random.chance(0.2) ? newType(random) : listable(randomValue(random)),
    )
    array.insert(at, values)
  }
}

/** Lists take these two only inside something else. */
function listable(value: unknown): unknown {
  return value === undefined || typeof value === 'bigint' ? { value } : value
}

function editXml(random: SeededRandom, xml: Y.XmlFragment): void {
  const { length } = xml
  const at = random.below(length + 1)
  if (xml instanceof Y.XmlElement && random.chance(0.3)) {
    if (random.chance(0.3)) xml.removeAttribute('id')
    else xml.setAttribute('id', randomText(random))
  } else if (length > 0 && random.chance(0.3)) {
    xml.delete(Math.min(at, length - 1), 1)
  } else {
    xml.insert(at, [random.chance(0.5) ? new Y.XmlElement(randomText(random)) : new Y.XmlText('x')])
  }
}

function newType(random: SeededRandom): unknown {
  switch (random.below(7)) {
    case 0:
      return new Y.Text('nested')
    case 1:
      return new Y.Map([['in', randomValue(random)]])
    case 2:
      return Y.Array.from([randomText(random), 1])
    case 3:
      return new Y.XmlElement('div')
    case 4:
      return new Y.XmlHook('hook')
    case 5:
      return new Y.XmlFragment()
    default:
      return new Y.Doc(
        random.pick([
          { guid: 'sub' },
          { guid: 'sub', gc: false, autoLoad: true, meta: { title: [randomText(random)] } },
          { guid: randomText(random), meta: null },
        ]),
      )
  }
}

function nestedTypes(type: Y.AbstractType<unknown>): Y.AbstractType<unknown>[] {
  const values: unknown[] =
    type instanceof Y.Map
      ? [...type.values()]
      : type instanceof Y.Array || type instanceof Y.XmlFragment
        ? type.toArray()
        : []
  return values.filter((value) => value instanceof Y.AbstractType)
}

function repeat(times: number, action: () => void): void {
  for (let i = 0; i < times; i++) action()
}
