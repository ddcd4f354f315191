import {
  encodeMessage,
  messageBounds,
  readStateVector,
  type DocumentRef,
  type Entry as WireEntry,
  type MessageOf,
} from '@holdfast/peer/protocol'
import type { Collection } from '../fan-out/collection.js'
import { wireEntry } from '../fan-out/wire-entry.js'
import type { Participant } from '../participant.js'
import type { BulkLane } from './questions.js'

type Fetched = MessageOf<'fetched'>

/** Answers a `fetch`: one entry, or what a state lacks. */
export async function answerFetch(
  session: Participant,
  collection: Collection,
  { request, what }: MessageOf<'fetch'>,
  lane: BulkLane,
): Promise<void> {
  session.context.counters.fetches++
  const bytes =
    what.by === 'seq'
      ? encoded(await bySeq(session, collection, request, what.seq))
      : await collection.shared.take(
          `${request} ${keyOf(what.document)} ${Buffer.from(what.stateVector).toString('base64')}`,
          async () => encoded(await byDifference(session, collection, request, what)),
        )
  if (session.state === 'closing') return
  const document = what.by === 'seq' ? undefined : what.document
  const about = { request, ...(document && { document }), isOurs: true }
  // Gone, or never there: whoever subscribes again is sent what stands for it.
  if (bytes === undefined) session.fault('unavailable', 'fetch', { ...about, isOurs: false })
  else if (bytes.length > session.maxMessageBytes)
    session.fault('document-too-large', 'fetch', about)
  else await lane.sayEncoded(bytes)
}

async function bySeq(
  { context }: Participant,
  collection: Collection,
  request: number,
  seq: number,
): Promise<Fetched | undefined> {
  const recent = collection.recentEntry(seq)
  if (recent !== undefined) return fetchedEntry(request, recent)
  if (seq < 1 || seq > (await context.log.head(collection.name))) return undefined
  const page = await context.log.read({
    collection: collection.name,
    after: seq - 1,
    maxBytes: 1,
    maxEntries: 1,
  })
  const [entry] = page.entries
  const wire = entry?.seq === seq ? wireEntry(entry) : undefined
  if (wire !== undefined && wire.kind !== 'large-snapshot') return fetchedEntry(request, wire)
  const document = wire?.document ?? collection.placeOf(seq)
  return document && byDifference({ context }, collection, request, { document, as: 'snapshot' })
}

function fetchedEntry(request: number, entry: WireEntry): Fetched | undefined {
  const { seq, ...content } = entry
  if (content.kind === 'place' || content.kind === 'large-snapshot') return undefined
  return { type: 'fetched', request, seq, content }
}

async function byDifference(
  { context: { log } }: Pick<Participant, 'context'>,
  { name }: Collection,
  request: number,
  wanted: {
    readonly document: DocumentRef
    readonly stateVector?: Uint8Array
    readonly as?: 'snapshot'
  },
): Promise<Fetched | undefined> {
  const { document, stateVector, as: kind = 'difference' } = wanted
  if (stateVector !== undefined && !readStateVector(stateVector).ok) return undefined
  const latest = await log.latest(name, document.id)
  if (latest === undefined) return undefined
  const { generation } = latest.document
  // What has been deleted is handed out to nobody, though an administrator may still export it.
  if (generation > document.generation || (latest.deleted && generation === document.generation)) {
    return {
      type: 'fetched',
      request,
      seq: latest.lastSeq,
      content: { kind: 'tombstone', document },
    }
  }
  const { maxParked } = messageBounds
  const state = await log.state(name, document, stateVector, { maxParked })
  if (state === undefined) return undefined
  const { bytes, parked, through: seq } = state
  const content = { document, bytes, parked }
  return kind === 'snapshot'
    ? { type: 'fetched', request, seq, content: { kind, ...content } }
    : { type: 'fetched', request, seq, content: { kind, ...content } }
}

function encoded(message: Fetched | undefined): Uint8Array | undefined {
  return message === undefined ? undefined : encodeMessage(message)
}

function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
