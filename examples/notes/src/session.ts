/** The app's connection: one client, two collections, and who sits here. */
import { createClient, type Client, type Collection, type Document } from '@holdfast/client'
import { browserStore } from '@holdfast/client/browser'
import { Cuts } from './cuts.js'
import { readMe, type Me } from './me.js'

export interface Session {
  readonly client: Client
  readonly cuts: Cuts
  /** Each note is a document of it; the document `index` has their titles. */
  readonly notes: Collection
  readonly index: Document
  /** A second collection, with numbers, cursors and people of its own. */
  readonly boards: Collection
  readonly board: Document
  readonly me: Me
}

/** The page comes from the same place as signaller and archive, unless `?server=` says otherwise. */
function serverOf(location: Location): string {
  const asked = new URLSearchParams(location.search).get('server')
  if (asked !== null) return asked
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}`
}

export async function openSession(): Promise<Session> {
  const me = readMe()
  const token = new URLSearchParams(location.search).get('token')
  const client = await createClient({
    store: browserStore('holdfast-notes'),
    server: serverOf(location),
    ...(token === null ? {} : { token: () => token }),
  })
  // Before anybody is called.
  const cuts = new Cuts(client)
  const notes = await client.collection('notes')
  const boards = await client.collection('board')
  const [index, board] = await Promise.all([notes.open('index'), boards.open('board')])
  return { client, cuts, notes, index, boards, board, me }
}
