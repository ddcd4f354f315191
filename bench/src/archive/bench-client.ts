import type * as Y from 'yjs'

/** A client of any kind: what it types arrives at the others of its document. */
export interface BenchClient {
  /** Of so many letters; by default with all else about a hundred bytes. */
  edit(letters?: number): void
  /** An edit made elsewhere, as its own. */
  push(update: Uint8Array): void
  /** So many edits of others have arrived. */
  onArrived: (count: number) => void
  /** So many of its own are answered. */
  onAnswered: (count: number) => void
  leave(): void
}

export interface JoinOptions {
  readonly url: string
  readonly document: string
  /** Where the server knows collections; default: one for all. */
  readonly collection?: string
  /** What it types is to be answered: by the server where it does that, else by a second reader. */
  readonly isAnswered?: boolean
  /** Whether edits of others are taken in (not by the peers' clients): else they are read and counted. Default: yes. */
  readonly appliesOthers?: boolean
  /** Whether whole states are taken in (the archive's clients): they fill memory in a storm. */
  readonly keepsStates?: boolean
}

/**
 * 72 letters are about a hundred bytes with Yjs' own. At the start: what is typed at the end, Yjs joins
 * to the string before it, which it then copies for each edit, and soon nothing else is measured.
 */
export function type(doc: Y.Doc, letters = 72): void {
  doc.getText('text').insert(0, 'x'.repeat(letters))
}
