import type * as Y from 'yjs'

/** A client of any kind: what it types arrives at the others of its document. */
export interface BenchClient {
  /** About a hundred bytes. */
  edit(): void
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
}

/** 72 letters at the end: with Yjs' own about a hundred bytes. */
export function type(doc: Y.Doc): void {
  const text = doc.getText('text')
  text.insert(text.length, letters)
}

const letters = 'x'.repeat(72)
