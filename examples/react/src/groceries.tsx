import type { Client, Collection } from '@holdfast/client'
import { useDocument, usePresence, useStatus } from '@holdfast/client/react'
import { useEffect, useState, type FormEvent } from 'react'
import type * as Y from 'yjs'

interface GroceriesProps {
  readonly client: Client
  readonly lists: Collection
  readonly me: string
}

/** What is to be bought, as everybody has it: whoever else has the list open changes it, too. */
export function Groceries({ client, lists, me }: GroceriesProps) {
  const { document, content: items = [], error } = useDocument(lists, 'groceries', itemsOf)
  const { others, show } = usePresence(document)
  const state = useStatus(document)
  const { reach } = useStatus(client)

  useEffect(() => show({ name: me }), [show, me])

  if (error !== undefined) return <p role="alert">The list cannot be opened: {error.message}</p>
  if (document === undefined) return <p>Opening the list …</p>
  const list = document.ydoc.getArray<string>(name)
  return (
    <main>
      <h1>Groceries</h1>
      <AddItem add={(item) => list.push([item])} />
      <ul aria-label="To buy">
        {items.map((item, at) => (
          // Two may be called the same: only the place tells them apart.
          <li key={`${at} ${item}`}>
            {item} <button onClick={() => list.delete(at)}>Bought</button>
          </li>
        ))}
      </ul>
      <footer>
        <output aria-label="Safety">{state?.safety}</output>
        <output aria-label="Reach">{reach}</output>
        <output aria-label="Others">
          {others.map(({ shown }) => String(shown['name'])).join(', ')}
        </output>
      </footer>
    </main>
  )
}

function AddItem({ add }: { readonly add: (item: string) => void }) {
  const [item, setItem] = useState('')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (item === '') return
    add(item)
    setItem('')
  }
  return (
    <form onSubmit={submit}>
      <input
        aria-label="Item"
        value={item}
        onChange={({ target }) => setItem(target.value)}
        placeholder="Apples"
      />
      <button>Add</button>
    </form>
  )
}

const name = 'items'

/** Outside of the component: the same function each time, so it runs only when the list has changed. */
function itemsOf(ydoc: Y.Doc): readonly string[] {
  return ydoc.getArray<string>(name).toArray()
}
