/*
 * Messages of any size over a channel, with small ones beside them: for both ends of a link, in Node
 * and in a page.
 */
import { Channel, systemClock, systemRandom } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import { parseDocumentId, type Message } from '@holdfast/peer/protocol'

/** What became of one large message. */
export interface Passed {
  readonly bytes: number
  /** Whether the other end has exactly what was sent. */
  readonly same: boolean
  /** Small messages that went and came back while it was under way, one after the other. */
  readonly roundTrips: number
  readonly longestRoundTripMs: number
}

/** Answers each large message with its digest, and each small one with itself. */
export function answerOver(link: Link): Channel {
  const channel = channelOver(link)
  channel.onMessage((message) => {
    if (message.type === 'announce') channel.send(message)
    if (message.type === 'update') {
      channel.send({ type: 'presence', bytes: digestOf(message.bytes) })
    }
  })
  return channel
}

/** Sends messages of these sizes, each after the one before has arrived. */
export async function passOver(link: Link, sizes: readonly number[]): Promise<Passed[]> {
  const channel = channelOver(link)
  const passed: Passed[] = []
  for (const bytes of sizes) passed.push(await passOne(channel, bytes))
  channel.close()
  return passed
}

function passOne(channel: Channel, size: number): Promise<Passed> {
  return new Promise((resolve, reject) => {
    const bytes = patternOf(size)
    const digest = digestOf(bytes).join()
    const roundTripsMs: number[] = []
    let sentAtMs = 0
    const sendSmall = (): void => {
      sentAtMs = systemClock.monotonic()
      channel.send({ type: 'announce', ops: [] })
    }
    channel.onClose(({ by, reason }) => reject(new Error(`the channel ended: ${by}, ${reason}`)))
    const undo = channel.onMessage((message) => {
      if (message.type === 'announce') {
        roundTripsMs.push(systemClock.monotonic() - sentAtMs)
        sendSmall()
      }
      if (message.type !== 'presence') return
      undo()
      resolve({
        bytes: size,
        same: message.bytes.join() === digest,
        roundTrips: roundTripsMs.length,
        longestRoundTripMs: Math.round(Math.max(0, ...roundTripsMs)),
      })
    })
    channel.send(updateOf(bytes))
    sendSmall()
  })
}

function channelOver(link: Link): Channel {
  const channel = new Channel({ link, clock: systemClock, random: systemRandom })
  channel.start()
  return channel
}

function updateOf(bytes: Uint8Array): Message {
  const id = parseDocumentId('doc')
  if (!id.ok) throw new Error(id.refusal.detail)
  const document = { id: id.value, generation: 0 }
  return { type: 'update', document, cause: { kind: 'state', request: 1 }, bytes }
}

/** No two pieces of it are alike, so that none can take another's place. */
function patternOf(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at++) bytes[at] = (Math.imul(at, 2_654_435_761) >>> 13) & 0xff
  return bytes
}

/** Length and a hash of bytes and places. */
function digestOf(bytes: Uint8Array): Uint8Array {
  let hash = 0
  for (let at = 0; at < bytes.length; at++) {
    hash = (Math.imul(hash, 0x01000193) ^ (bytes[at] as number)) >>> 0
  }
  return new Uint8Array(Uint32Array.of(bytes.length, hash).buffer)
}
