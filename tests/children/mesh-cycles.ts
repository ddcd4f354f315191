/*
 * Makes two meshes, lets them sync a document over WebRTC and closes them, so many times, and tells
 * what is left in this process.
 *
 *     node --expose-gc mesh-cycles.js SERVER CYCLES
 *
 * It ends by itself: nothing may keep the process alive.
 */
import { createMesh, type MeshDocument } from '@holdfast/peer'
import wrtc from '@roamhq/wrtc'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { processState } from './process-state.js'

const [server = '', cycles = ''] = process.argv.slice(2)

/** After so many, what is allocated once is allocated. */
const warmUp = 40

/** Connections that were made and not closed. */
let open = 0
/** Everything that was made, for as long as something holds it. */
const made: WeakRef<object>[] = []

class Counted extends wrtc.RTCPeerConnection {
  #isOpen = true

  constructor(config?: RTCConfiguration) {
    super(config)
    open++
  }

  override close(): void {
    if (this.#isOpen) open--
    this.#isOpen = false
    super.close()
  }
}

await runCycles(warmUp)
const before = await processState()
await runCycles(Number(cycles))
const isHeld = (one: WeakRef<object>): boolean => one.deref() !== undefined
const after = await processState(before, () => open === 0 && !made.some(isHeld))
if (open !== 0) throw new Error(`${open} connections were never closed`)
const held = made.filter(isHeld).length
if (held !== 0) throw new Error(`${held} meshes, collections and documents are still held`)
console.log(JSON.stringify({ before, after }))

/** Two at a time, for each waits for the network now and then. */
async function runCycles(count: number): Promise<void> {
  let begun = 0
  const worker = async (): Promise<void> => {
    while (begun++ < count) await cycle(`cycle ${begun}`)
  }
  await Promise.all([worker(), worker()])
}

async function cycle(collection: string): Promise<void> {
  const ends = [0, 1].map(() => {
    const mesh = createMesh({
      server,
      WebSocket,
      rtc: { ...wrtc, RTCPeerConnection: Counted },
    })
    const notes = mesh.join(collection)
    const note = notes.open('note', new Y.Doc())
    made.push(new WeakRef(mesh), new WeakRef(notes), new WeakRef(note.ydoc))
    return { mesh, notes, note }
  })
  const [a, b] = ends.map(({ note }) => note.ydoc.getText('text'))
  a?.insert(0, 'from a')
  b?.insert(0, 'from b')
  await Promise.all(ends.map(({ notes, note }) => synced(notes, note, 'from afrom b'.length)))
  await Promise.all(ends.map(({ mesh }) => mesh.close()))
  for (const { note } of ends) note.ydoc.destroy()
}

type Notes = ReturnType<ReturnType<typeof createMesh>['join']>

/** Over a direct link, and with what the other has written. */
function synced(notes: Notes, note: MeshDocument, length: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      const isDirect = notes.peers.map(({ path }) => path).join() === 'webrtc'
      if (isDirect && note.isSynced && note.ydoc.getText('text').length === length) resolve()
    }
    notes.onPeers(look)
    notes.onSynced(look)
    note.ydoc.on('update', look)
  })
}
