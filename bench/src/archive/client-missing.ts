/* A6: what somebody missed is written, and somebody comes back to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { ArchiveClient } from './archive-client.js'
import { connectsAtOnce, join } from './clients.js'
import { rowBytes } from './names.js'

/** A few clients at a time, each with a document, so that none becomes ripe for compaction. */
export async function fill(url: string, rows: number, documents: number): Promise<void> {
  const perDocument = rows / documents
  for (let from = 0; from < documents; from += connectsAtOnce) {
    const numbers = Array.from(
      { length: Math.min(connectsAtOnce, documents - from) },
      (_, at) => from + at,
    )
    await Promise.all(
      numbers.map(async (number) => {
        const client = await join('holdfast', {
          url,
          document: `missed-${number}`,
          appliesOthers: false,
        })
        let answered = 0
        const areAnswered = new Promise<void>((resolve) => {
          client.onAnswered = (count) => {
            answered += count
            if (answered === perDocument) resolve()
          }
        })
        for (let edit = 0; edit < perDocument; edit++) {
          client.edit()
          // A window of the channel, and no more than the archive takes of a session.
          if (edit % 100 === 99) await sleep(1)
        }
        await areAnswered
        client.leave()
      }),
    )
  }
}

/** Gives how many entries came. */
export async function missAll(url: string): Promise<number> {
  const client = await ArchiveClient.join({ url, document: 'note', appliesOthers: false })
  client.leave()
  return client.arrived
}

/** The same of the floor: bytes that are counted. */
export async function receiveRows(url: string, rows: number): Promise<number> {
  const socket = new WebSocket(`${url}/${rows}`, { perMessageDeflate: false })
  let bytes = 0
  socket.on('message', (data: Buffer) => (bytes += data.length))
  await new Promise((resolve, reject) => {
    socket.once('close', resolve)
    socket.once('error', reject)
  })
  return bytes / rowBytes
}
