/*
 * A peer that joins collections when it is told to, and tells what became of it:
 *
 *     node mesh-caller.js SERVER    { join: collection } ──► { collection, … } ──► { leave: collection } ──► { left: collection }
 */
import { createMesh, type MeshCollection } from '@holdfast/peer'
import wrtc from '@roamhq/wrtc'
import { WebSocket } from 'ws'

/** What became of one neighbour, as its caller or as the one who is called. */
export interface CallReport {
  readonly collection: string
  /** Direct links that stand. */
  readonly standing: number
  readonly links: number
  readonly attempts: number
  /** Why attempts came to nothing. */
  readonly lastEnd: string | undefined
}

export type CallerCommand =
  | { readonly join: string }
  | { readonly look: string }
  | { readonly leave: string }
export type CallerAnswer = CallReport | { readonly left: string }

/** Several attempts of 15 s. */
const linkedWithinMs = 60_000

const mesh = createMesh({ server: process.argv[2] ?? '', WebSocket, rtc: wrtc, relay: false })
const joined = new Map<string, MeshCollection>()

process.on('message', (command: CallerCommand) => {
  if ('join' in command) join(command.join)
  else if ('look' in command) tell(reportOf(command.look))
  else
    void joined
      .get(command.leave)
      ?.close()
      .then(() => tell({ left: command.leave }))
})
process.on('disconnect', () => void mesh.close().then(() => process.exit()))

function join(collection: string): void {
  const notes = mesh.join(collection)
  joined.set(collection, notes)
  let isTold = false
  const tellOnce = (): void => {
    clearTimeout(deadline)
    if (!isTold) tell(reportOf(collection))
    isTold = true
  }
  const deadline = setTimeout(tellOnce, linkedWithinMs)
  notes.onPeers((peers) => {
    if (peers.length > 0) tellOnce()
  })
}

function reportOf(collection: string): CallReport {
  const notes = joined.get(collection)
  const [neighbour] = notes?.stats().neighbours ?? []
  return {
    collection,
    standing: notes?.peers.length ?? 0,
    links: neighbour?.links ?? 0,
    attempts: neighbour?.attempts ?? 0,
    lastEnd: neighbour?.lastEnd,
  }
}

function tell(answer: CallerAnswer): void {
  process.send?.(answer)
}
