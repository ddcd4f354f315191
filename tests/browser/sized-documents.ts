/**
 * Documents of any size through a mesh: for both sides of a link, in Node and in a page. One side
 * gives a document, the other takes it and writes a letter into it, which comes back.
 */
import { createMesh, type Mesh, type MeshCollection, type MeshOptions } from '@holdfast/peer'
import * as Y from 'yjs'

const KiB = 1_024

/** Around the size above which a data channel closes without a word, up to the largest there is. */
export const documentSizes = [
  1,
  256 * KiB - 1,
  256 * KiB,
  256 * KiB + 1,
  4 * KiB ** 2,
  64 * KiB ** 2,
]

/** What became of one document at one side. */
export interface Sized {
  readonly bytes: number
  /** Whether this side ended with exactly what was given, and the letter. */
  readonly same: boolean
  /** How often it was called synced while this side did not have all of it. */
  readonly early: number
}

export class SizedDocuments {
  readonly #mesh: Mesh
  readonly #sized: MeshCollection
  readonly #givenByBytes = new Map<number, Promise<Sized>>()
  readonly #closeByBytes = new Map<number, () => void>()

  constructor(options: MeshOptions) {
    this.#mesh = createMesh(options)
    this.#sized = this.#mesh.join('sized')
  }

  /** Resolves when a document is here to be taken. */
  async offer(bytes: number): Promise<void> {
    const doc = new Y.Doc()
    doc.getText('text').insert(0, textOf(bytes))
    await this.#linked()
    this.#givenByBytes.set(
      bytes,
      this.#open(bytes, doc, () => {}),
    )
  }

  /** What became of what was offered, once its letter has come. */
  given(bytes: number): Promise<Sized> {
    const given = this.#givenByBytes.get(bytes)
    return given ?? Promise.reject(new Error(`nothing of ${bytes} bytes was offered`))
  }

  /** Takes a document, and adds the letter as soon as all of it is here and called synced. */
  async take(bytes: number): Promise<Sized> {
    const doc = new Y.Doc()
    await this.#linked()
    return this.#open(bytes, doc, (text) => {
      if (text.length === bytes) text.insert(bytes, letter)
    })
  }

  /**
   * Closes a document, once both sides are done with it: should the link die beneath a letter, it
   * has to be there for the next one.
   */
  release(bytes: number): void {
    this.#closeByBytes.get(bytes)?.()
    this.#closeByBytes.delete(bytes)
  }

  close(): Promise<void> {
    return this.#mesh.close()
  }

  /** Resolves when the document with its letter is here and synced. */
  async #open(bytes: number, doc: Y.Doc, synced: (text: Y.Text) => void): Promise<Sized> {
    const text = doc.getText('text')
    const note = this.#sized.open(`of ${bytes} bytes`, doc)
    this.#closeByBytes.set(bytes, () => {
      note.close()
      doc.destroy()
    })
    let early = 0
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!note.isSynced) return
        if (text.length < bytes) early++
        else synced(text)
        if (text.length > bytes) resolve()
      }
      doc.on('update', look)
      this.#sized.onSynced(look)
    })
    return { bytes, same: text.toJSON() === textOf(bytes) + letter, early }
  }

  /** Directly, or the first bytes would go through the signaller. */
  async #linked(): Promise<void> {
    const isLinked = (): boolean => this.#sized.peers.some(({ path }) => path === 'webrtc')
    if (isLinked()) return
    await new Promise<void>((resolve) => {
      const undo = this.#sized.onPeers(() => {
        if (!isLinked()) return
        undo()
        resolve()
      })
    })
  }
}

const letter = 'z'

/** No two pieces of it are alike, so that none can take another's place. */
function textOf(bytes: number): string {
  const words: string[] = []
  for (let length = 0; length < bytes; length += 12) words.push(String(length).padStart(11, '.'))
  return words.join(' ').padEnd(bytes).slice(0, bytes)
}
