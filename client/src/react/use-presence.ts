import type { Awareness } from '@holdfast/peer'
import type { Undo } from '@holdfast/peer/ports'
import { useCallback, useMemo } from 'react'
import type { Collection, Document } from '../api.js'
import { useTold } from './told.js'

/** What somebody shows of themselves: plain data, small. */
export type Shown = Readonly<Record<string, unknown>>

export interface Present {
  /** Of one open document or collection on one device: as `clientID` in Yjs. */
  readonly client: number
  readonly shown: Shown
}

export interface Presence {
  /** Everybody else who shows something here. */
  readonly others: readonly Present[]
  /** What this side shows; undefined: it is not shown at all. */
  readonly mine: Shown | undefined
  /** Shows these fields beside those shown already; undefined: nothing any more. */
  readonly show: (fields: Shown | undefined) => void
}

type Place = Collection | Document

/**
 * Who is in a document or a collection, and what they show: cursors, names. Rendered anew when that
 * changes. What this side shows lasts as long as the document or collection is open, not only as long
 * as the component that showed it.
 */
export function usePresence(of: Place | undefined): Presence {
  const { others, mine } = useTold(of, read, listen)
  const show = useCallback(
    (fields: Shown | undefined) => {
      const awareness = of?.awareness
      if (fields === undefined) awareness?.setLocalState(null)
      else awareness?.setLocalState({ ...awareness.getLocalState(), ...fields })
    },
    [of],
  )
  return useMemo(() => ({ others, mine, show }), [others, mine, show])
}

function read(of: Place | undefined): Pick<Presence, 'others' | 'mine'> {
  if (of === undefined) return nobody
  const { awareness } = of
  const me = awareness.clientID
  const shown = [...awareness.getStates()].map(([client, state]) => ({ client, shown: state }))
  return {
    others: shown.filter(({ client }) => client !== me),
    mine: awareness.getLocalState() ?? undefined,
  }
}

const nobody: Pick<Presence, 'others' | 'mine'> = { others: [], mine: undefined }

function listen(of: Place | undefined, news: () => void): Undo {
  if (of === undefined) return () => {}
  let undo = listenTo(of.awareness, news)
  if (!('onReplaced' in of)) return undo
  const undoReplaced = of.onReplaced(({ awareness }) => {
    undo()
    undo = listenTo(awareness, news)
    news()
  })
  return () => {
    undoReplaced()
    undo()
  }
}

function listenTo(awareness: Awareness, news: () => void): Undo {
  awareness.on('change', news)
  return () => awareness.off('change', news)
}
