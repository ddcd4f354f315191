/** A page of an app in one of several tabs, for tests in Node. */
import { createClient, type Client, type Document } from '@holdfast/client'
import { browserStore } from '@holdfast/client/browser'

let client: Client | undefined
let note: Document | undefined
const errors: string[] = []
let written = 0

/** Opens the client and one document; answers which part this tab has. */
export async function begin(
  store: string,
  { worker, archive }: { worker?: 'without IndexedDB'; archive?: string } = {},
): Promise<string> {
  const options = worker === undefined ? {} : { worker: workerWithoutIndexedDb }
  client = await createClient({
    store: browserStore(store, options),
    ...(archive === undefined ? {} : { archive }),
  })
  client.onError(({ code }) => errors.push(code))
  const notes = await client.collection('notes')
  note = await notes.open('note')
  return client.status.role
}

export function retryNow(): void {
  client?.retryNow()
}

export function role(): string | undefined {
  return client?.status.role
}

export function told(): readonly string[] {
  return errors
}

export function isDurable(): boolean | undefined {
  return client?.status.storage.isDurable
}

export function failing(): string | undefined {
  return client?.status.storage.failing?.code
}

export function safety(): string | undefined {
  return note?.state.safety
}

/** Every entry of this document, in its order. */
export function entries(): readonly unknown[] {
  return opened().ydoc.getArray('entries').toArray()
}

export function add(entry: string): void {
  opened().ydoc.getArray('entries').push([entry])
}

export function addNoise(length: number): void {
  let noise = ''
  while (noise.length < length) noise += Math.random().toString(36).slice(2)
  add(noise)
}

/** As the browser does it before it stops a page. */
export function hearsOfFreezing(): void {
  document.dispatchEvent(new Event('freeze'))
}

/** Adds it, and resolves when it is saved; else answers the code of the error. */
export async function save(entry: string): Promise<string> {
  add(entry)
  try {
    await opened().whenSaved()
    return 'saved'
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  }
}

/** Entries of one tab that wait to be saved. */
const maxWaiting = 50

/** Writes without an end; each entry that was called saved goes to Node, which outlives the tab. */
export function writeOn(name: string): void {
  const socket = new WebSocket(`ws://${location.host}/${name}`)
  let waiting = 0
  const next = (): void => {
    setTimeout(next, 3)
    // A busy machine would only fall further behind.
    if (waiting >= maxWaiting) return
    const entry = `${name}-${written++}`
    add(entry)
    waiting++
    opened()
      .whenSaved()
      .then(() => socket.send(entry))
      .catch((error: unknown) => errors.push(String(error)))
      .finally(() => waiting--)
  }
  socket.onopen = next
}

export async function close(): Promise<void> {
  await client?.close()
}

function opened(): Document {
  if (note === undefined) throw new Error('nothing is open')
  return note
}

function workerWithoutIndexedDb(): Worker {
  return new Worker(new URL('./without-indexed-db.ts', import.meta.url), { type: 'module' })
}
