/** A page that gives and takes documents of any size. */
import { SizedDocuments, type Sized } from '../sized-documents.js'

let documents: SizedDocuments | undefined

export function join(server: string): void {
  documents = new SizedDocuments({ server })
}

export async function offer(bytes: number): Promise<void> {
  await joined().offer(bytes)
}

export function given(bytes: number): Promise<Sized> {
  return joined().given(bytes)
}

export function take(bytes: number): Promise<Sized> {
  return joined().take(bytes)
}

export function release(bytes: number): void {
  joined().release(bytes)
}

export async function leave(): Promise<void> {
  await joined().close()
}

function joined(): SizedDocuments {
  if (documents === undefined) throw new Error('this page has joined nothing')
  return documents
}
