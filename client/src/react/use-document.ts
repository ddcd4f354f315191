import { useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import type * as Y from 'yjs'
import type { Collection, Document } from '../api.js'

export interface UsedDocument<Content> {
  /** Undefined until it is open. Its `ydoc` is what editors bind to. */
  readonly document: Document | undefined
  /** What `read` made of it; undefined until it is open. */
  readonly content: Content | undefined
  /** Why it could not be opened. */
  readonly error: Error | undefined
}

/**
 * A document, open as long as the component is mounted: it is closed, and kept in memory by nobody
 * else, when the last one that uses it is gone. Components that use the same one share it.
 *
 * @param collection undefined: there is none yet, and nothing is opened
 * @param read what the component shows of it. Called anew, and rendered anew, when the document has
 *   changed; without it only opening and replacing render anew. A function that is made anew with each
 *   rendering is called with each.
 */
export function useDocument<Content = undefined>(
  collection: Collection | undefined,
  id: string,
  read?: (ydoc: Y.Doc) => Content,
): UsedDocument<Content> {
  const { document, error } = useOpened(collection, id)
  const ydoc = document?.ydoc
  const version = useVersion(ydoc)
  const content = useMemo(
    () => (ydoc === undefined ? undefined : read?.(ydoc)),
    // `version` stands for what is in the Y.Doc, which is the same object throughout.
    [ydoc, version, read],
  )
  return useMemo(() => ({ document, content, error }), [document, content, error])
}

interface Opened {
  readonly collection: Collection | undefined
  readonly id: string
  readonly document: Document | undefined
  readonly error: Error | undefined
}

function useOpened(collection: Collection | undefined, id: string): Opened {
  const none: Opened = { collection, id, document: undefined, error: undefined }
  const [opened, setOpened] = useState<Opened>(none)
  useEffect(() => {
    if (collection === undefined) return undefined
    return keepOpen(collection, id, (result) => setOpened({ collection, id, ...result }))
  }, [collection, id])
  // Another one was asked for, and is not there yet.
  return opened.collection === collection && opened.id === id ? opened : none
}

/** Opens it, tells of it and of what takes its place, until the undo is called. */
function keepOpen(
  collection: Collection,
  id: string,
  tell: (result: Pick<Opened, 'document' | 'error'>) => void,
): () => void {
  let isOver = false
  let letGo: (() => void) | undefined
  collection.open(id).then(
    (document) => {
      if (isOver) return close(document)
      const undo = document.onReplaced(() => tell({ document, error: undefined }))
      letGo = () => {
        undo()
        close(document)
      }
      return tell({ document, error: undefined })
    },
    (cause: unknown) => {
      const error = cause instanceof Error ? cause : new Error('not opened', { cause })
      if (!isOver) tell({ document: undefined, error })
    },
  )
  return () => {
    isOver = true
    letGo?.()
  }
}

/** Where it cannot be saved it stays open, and the client's `onError` has told why. */
function close(document: Document): void {
  document.close().catch(() => undefined)
}

/** Another number each time that the Y.Doc has changed. */
function useVersion(ydoc: Y.Doc | undefined): number {
  const versions = useMemo(() => new Versions(ydoc), [ydoc])
  return useSyncExternalStore(versions.subscribe, versions.current, versions.current)
}

class Versions {
  readonly #ydoc: Y.Doc | undefined
  #current = 0

  constructor(ydoc: Y.Doc | undefined) {
    this.#ydoc = ydoc
  }

  readonly subscribe = (changed: () => void): (() => void) => {
    const count = (): void => {
      this.#current++
      changed()
    }
    this.#ydoc?.on('update', count)
    // What came between rendering and this is shown, too.
    this.#current++
    return () => this.#ydoc?.off('update', count)
  }

  readonly current = (): number => this.#current
}
