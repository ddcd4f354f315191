/** One client for the whole page, made once, outside of what React renders. */
import { createClient } from '@holdfast/client'
import { browserStore } from '@holdfast/client/browser'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Groceries } from './groceries.js'

const place = document.getElementById('root')
if (place === null) throw new Error('the page has no #root')

const asked = new URLSearchParams(location.search)
const client = await createClient({
  store: browserStore('holdfast-groceries'),
  server: asked.get('server') ?? 'ws://127.0.0.1:4440',
})
const lists = await client.collection('lists')

createRoot(place).render(
  <StrictMode>
    <Groceries client={client} lists={lists} me={asked.get('name') ?? 'Somebody'} />
  </StrictMode>,
)
