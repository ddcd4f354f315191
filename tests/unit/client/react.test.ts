import { createClient, memoryStore } from '@holdfast/client'
import { useDocument, usePresence, useStatus } from '@holdfast/client/react'
import type { Client, Collection, Document } from '@holdfast/client'
import { createElement as h, type ReactNode } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'

interface Shown {
  readonly client?: Client
  readonly notes?: Collection
  readonly note?: Document
}

function Page({ client, notes, note }: Shown): ReactNode {
  const { document } = useDocument(notes, 'note')
  const isOpen = document !== undefined
  const { others, mine } = usePresence(note)
  const role = useStatus(client)?.role ?? 'none'
  const peers = useStatus(notes)?.peers ?? 'none'
  const safety = useStatus(note)?.safety ?? 'none'
  return h('p', {}, [role, peers, safety, others.length, JSON.stringify(mine), isOpen].join(' '))
}

test('[REACT-9] hooks render on a server, with what is there at once', async () => {
  const client = await createClient({ store: memoryStore() })
  const notes = await client.collection('notes')
  const note = await notes.open('note')
  expect(renderToString(h(Page, { client, notes, note }))).toBe('<p>owner 0 local 0 {} false</p>')
  await client.close()
})

test('[REACT-5] [REACT-6] [REACT-9] hooks render before there is anything', () => {
  expect(renderToString(h(Page, {}))).toBe('<p>none none none 0  false</p>')
})
