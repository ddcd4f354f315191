/*
 * A peer that joins collections when it is told to, and tells what became of it:
 *
 *     node mesh-caller.js SERVER [relay]    { join: collection } ──► { collection, … } ──► { leave: collection } ──► { left: collection }
 */
import { createMesh, type MeshCollection } from '@holdfast/peer'
import wrtc from '@roamhq/wrtc'
import { WebSocket } from 'ws'

/** What became of one neighbour, as its caller or as the one who is called. */
export interface CallReport {
  readonly collection: string
  /** Over which way the neighbour is linked; none, or one. */
  readonly paths: readonly string[]
  /** Direct links that were made. */
  readonly links: number
  readonly attempts: number
  /** Why attempts came to nothing. */
  readonly lastEnd: string | undefined
}

export type CallerCommand =
  | { readonly join: string }
  | { readonly look: string }
  | { readonly lookAfterFailure: string }
  | { readonly leave: string }
export type CallerAnswer = CallReport | { readonly left: string }

/** Several attempts of 15 s. */
const linkedWithinMs = 60_000

const [server = '', relay = ''] = process.argv.slice(2)
const mesh = createMesh({ server, WebSocket, rtc: wrtc, relay: relay === 'relay' })
const joined = new Map<string, MeshCollection>()

process.on('message', (command: CallerCommand) => {
  if ('join' in command) join(command.join)
  else if ('look' in command) tell(reportOf(command.look))
  else if ('lookAfterFailure' in command) lookAfterFailure(command.lookAfterFailure)
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

/** There is no event for an attempt that has come to nothing. */
function lookAfterFailure(collection: string): void {
  const report = reportOf(collection)
  if (report.lastEnd === undefined) setTimeout(() => lookAfterFailure(collection), 100)
  else tell(report)
}

function reportOf(collection: string): CallReport {
  const notes = joined.get(collection)
  const [neighbour] = notes?.stats().neighbours ?? []
  return {
    collection,
    paths: notes?.peers.map(({ path }) => path) ?? [],
    links: neighbour?.links ?? 0,
    attempts: neighbour?.attempts ?? 0,
    lastEnd: neighbour?.lastEnd,
  }
}

function tell(answer: CallerAnswer): void {
  process.send?.(answer)
}
