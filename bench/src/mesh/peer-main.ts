/**
 * A measured peer in a process of its own: `node peer-main.js holdfast|y-webrtc [counting]`. Does over
 * IPC what `PeerCommands` says, and ends with whoever started it.
 */
import * as Y from 'yjs'
import { joinHoldfast, joinYWebrtc, type Participant } from './participant.js'
import { sharedNowMs, type JoinRequest, type PeerCommands, type Sight } from './peer-commands.js'
import { countSends, takeTraffic } from './traffic-tap.js'

const kind = process.argv[2] === 'y-webrtc' ? 'y-webrtc' : 'holdfast'
if (process.argv[3] === 'counting') countSends(kind)

let doc = new Y.Doc()
let bulk: Y.Doc | undefined
let participant: Participant | undefined
let ages: number[] = []
let roundTrips: number[] = []

const commands: PeerCommands = {
  join(request: JoinRequest) {
    doc = new Y.Doc()
    if (request.letters !== undefined) doc.getText('text').insert(0, 'x'.repeat(request.letters))
    doc.getArray<number>('edits').observe(({ changes }, transaction) => {
      if (transaction.local) return
      for (const madeAtMs of addedBy(changes)) ages.push(sharedNowMs() - madeAtMs)
    })
    doc.getArray<number>('echoes').observe(({ changes }, transaction) => {
      if (transaction.local) return
      for (const madeAtMs of addedBy(changes)) roundTrips.push(sharedNowMs() - madeAtMs)
    })
    participant = (kind === 'holdfast' ? joinHoldfast : joinYWebrtc)(request, doc)
  },
  edit() {
    doc.getArray<number>('edits').push([sharedNowMs()])
  },
  typeLetter() {
    const text = doc.getText('text')
    text.insert(text.length, 'y')
  },
  async editOften(afterMs, everyMs, times) {
    await pause(afterMs)
    const startMs = sharedNowMs()
    for (let at = 1; at <= times; at++) {
      commands.edit()
      await pause(startMs + at * everyMs - sharedNowMs())
    }
  },
  async see(sight, withinMs) {
    const deadlineMs = sharedNowMs() + withinMs
    for (;;) {
      if (isSeen(sight)) return sharedNowMs()
      if (sharedNowMs() > deadlineMs) return null
      await pause(4)
    }
  },
  takeAges() {
    const taken = ages
    ages = []
    return taken
  },
  takeTraffic,
  openBulk(letters) {
    bulk = new Y.Doc()
    if (letters > 0) bulk.getText('text').insert(0, 'x'.repeat(letters))
    participant?.openBulk(bulk)
  },
  echo() {
    doc.getArray<number>('edits').observe(({ changes }, transaction) => {
      if (!transaction.local) doc.getArray<number>('echoes').push(addedBy(changes))
    })
  },
  takeRoundTrips() {
    const taken = roundTrips
    roundTrips = []
    return taken
  },
  report() {
    if (participant === undefined) throw new Error('not joined')
    return participant.report()
  },
  async leave() {
    await participant?.leave()
    participant = bulk = undefined
    doc = new Y.Doc()
    ages = []
    roundTrips = []
  },
}

process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  const { id, name, args } = message as { id: number; name: keyof PeerCommands; args: never[] }
  void answer(
    id,
    async (): Promise<unknown> => Reflect.apply(commands[name], commands, args) as unknown,
  )
})
process.send?.({ ready: true })

async function answer(id: number, run: () => Promise<unknown>): Promise<void> {
  try {
    process.send?.({ id, value: await run() })
  } catch (error) {
    process.send?.({ id, error: String(error) })
  }
}

function isSeen(sight: Sight): boolean {
  const { links = 0, peers = 0, present = 0 } = participant ?? {}
  const seen: Required<Sight> = {
    edits: doc.getArray('edits').length,
    letters: doc.getText('text').length,
    bulkLetters: bulk?.getText('text').length ?? 0,
    links,
    peers,
    present,
  }
  return Object.entries(sight).every(([what, due]) => seen[what as keyof Sight] === due)
}

function addedBy(changes: Y.YArrayEvent<number>['changes']): number[] {
  return [...changes.added].flatMap(({ content }) => content.getContent() as number[])
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}
