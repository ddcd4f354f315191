/** Hooks in a page: components that show what they are given, and say how often they were rendered. */
import { createClient, type Client, type Collection, type Document } from '@holdfast/client'
import { browserStore } from '@holdfast/client/browser'
import { useDocument, usePresence, useStatus } from '@holdfast/client/react'
import { createElement as h, StrictMode, useEffect, type ReactNode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import * as Y from 'yjs'

/** How often each component was rendered. In development StrictMode renders and mounts twice. */
const renders: Record<string, number> = {}

let client: Client | undefined
let notes: Collection | undefined
let root: Root | undefined

export async function start(): Promise<void> {
  client = await createClient({ store: browserStore('react') })
  notes = await client.collection('notes')
  const place = document.createElement('div')
  document.body.append(place)
  root = createRoot(place)
}

/** Shows these documents, each in two components. */
export function show(...ids: readonly string[]): void {
  const components = ids.flatMap((id, at) => [
    h(Body, { key: `body ${at}`, id }),
    h(State, { key: `state ${at}`, id }),
  ])
  render(h(Device), ...components)
}

/** As everything else in the page would edit it. */
export async function edit(id: string, text: string, type = 'body'): Promise<void> {
  const document = await opened().open(id)
  document.ydoc.getText(type).insert(0, text)
  await document.whenSaved()
  await document.close()
}

/** How many of these Y.Docs are held by nobody any more. */
const seen = new Map<string, Set<Y.Doc>>()
export function destroyed(id: string): readonly boolean[] {
  return [...(seen.get(id) ?? [])].map((ydoc) => ydoc.isDestroyed)
}

export function texts(): Record<string, string> {
  const all = [...document.querySelectorAll('output')]
  return Object.fromEntries(all.map((one) => [one.id, one.textContent]))
}

function Device(): ReactNode {
  const status = useStatus(client)
  useEffect(() => count('mounted'), [])
  return h('output', { id: 'device' }, `${status?.role} ${status?.reach}`)
}

function Body({ id }: { readonly id: string }): ReactNode {
  count(`body ${id}`)
  const { document, content, error } = useDocument(notes, id, bodyOf)
  if (document !== undefined) {
    const docs = seen.get(id) ?? new Set()
    seen.set(id, docs.add(document.ydoc))
  }
  return h(
    'output',
    { id: `body ${id}` },
    error === undefined ? content : `error: ${error.message}`,
  )
}

function State({ id }: { readonly id: string }): ReactNode {
  const { document } = useDocument(notes, id)
  const state = useStatus(document)
  const { mine, others, show } = usePresence(document)
  return h(
    'p',
    {},
    h('output', { id: `state ${id}` }, state?.safety ?? 'none yet'),
    h('output', { id: `mine ${id}` }, JSON.stringify(mine), others.length),
    h('button', { id: `show ${id}`, onClick: () => show({ name: 'Ada' }) }),
    h('button', { id: `color ${id}`, onClick: () => show({ color: 'red' }) }),
    h('button', { id: `hide ${id}`, onClick: () => show(undefined) }),
  )
}

function bodyOf(ydoc: Y.Doc): string {
  return ydoc.getText('body').toJSON()
}

// A document that is replaced while it is shown --------------------------------------------------

const listeners = new Set<() => void>()
let standIn: Document | undefined

/** What happens after damage. The collection is a stand-in: nothing else is needed of one. */
export async function showReplaceable(): Promise<void> {
  const real = await opened().open('replaceable')
  let { ydoc } = real
  standIn = {
    id: real.id,
    get ydoc() {
      return ydoc
    },
    awareness: real.awareness,
    state: real.state,
    onState: () => () => undefined,
    onReplaced(listener) {
      const told = (): void => {
        ydoc = new Y.Doc()
        ydoc.getText('body').insert(0, 'another')
        listener(this)
      }
      listeners.add(told)
      return () => void listeners.delete(told)
    },
    whenSaved: () => real.whenSaved(),
    whenArchived: () => real.whenArchived(),
    whenSynced: () => real.whenSynced(),
    close: () => Promise.resolve(),
  }
  const document = standIn
  const collection = { open: () => Promise.resolve(document) } as unknown as Collection
  function Replaceable(): ReactNode {
    const { content } = useDocument(collection, 'replaceable', bodyOf)
    return h('output', { id: 'replaceable' }, content)
  }
  render(h(Replaceable))
}

export function replace(): void {
  for (const told of [...listeners].slice(0, 1)) told()
}

export function editReplaced(): void {
  standIn?.ydoc.getText('body').insert(0, 'still ')
}

export function replaceListeners(): number {
  return listeners.size
}

// ------------------------------------------------------------------------------------------------

function render(...children: readonly ReactNode[]): void {
  root?.render(h(StrictMode, {}, ...children))
}

function opened(): Collection {
  if (notes === undefined) throw new Error('start comes first')
  return notes
}

function count(name: string): void {
  renders[name] = (renders[name] ?? 0) + 1
}

export function rendersOf(name: string): number {
  return renders[name] ?? 0
}
