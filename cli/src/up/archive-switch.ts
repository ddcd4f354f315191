/**
 * `/demo/archive`: lets the demo's page stop the archive and start it again, to show what becomes of
 * edits meanwhile, and tells it of the last compaction, which else only a peer hears that was asked.
 *
 *     GET  ► {"isRunning": true, "compacted": {"collection": …, "document": …, "removed": …, "through": …}}
 *     POST {"isRunning": false} ► {"isRunning": false}, once it is done
 *
 * Only for a page that came from this very server on this machine. A page from elsewhere gives itself
 * away by `Origin` and `Sec-Fetch-Site`, one under a name of its own that leads here by `Host`, a
 * proxy by what it adds; and its browser asks first before it sends JSON.
 */
import { answer, isLoopback } from '@holdfast/access'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** So many entries of a document, the last of them `through`, have become one snapshot. */
export interface LastCompaction {
  readonly collection: string
  readonly document: string
  readonly removed: number
  readonly through: number
}

interface Switchable {
  readonly isArchiveRunning: boolean
  readonly lastCompaction: LastCompaction | undefined
  setArchive(isRunning: boolean): Promise<void>
}

export class ArchiveSwitch {
  readonly #target: Switchable

  constructor(target: Switchable) {
    this.#target = target
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isOwnPage(request)) return say(response, 403, { code: 'forbidden' })
    if (request.method === 'POST') {
      if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
        return say(response, 415, { code: 'malformed', detail: 'takes application/json' })
      }
      const isRunning = wanted(await bodyOf(request))
      if (isRunning === undefined) {
        return say(response, 400, { code: 'malformed', detail: 'takes {"isRunning": true|false}' })
      }
      await this.#target.setArchive(isRunning)
    } else if (request.method !== 'GET') {
      return say(response, 405, { code: 'unexpected-message', detail: 'takes GET or POST' })
    }
    const { isArchiveRunning: isRunning, lastCompaction: compacted } = this.#target
    say(response, 200, { isRunning, compacted })
  }
}

function isOwnPage({ headers, socket }: IncomingMessage): boolean {
  const { host = '', origin } = headers
  const site = headers['sec-fetch-site']
  if (!isLoopback(socket.remoteAddress ?? '') || !isLoopback(host.replace(/:\d+$/, '')))
    return false
  if (['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => name in headers)) {
    return false
  }
  if (origin !== undefined && origin !== `http://${host}`) return false
  return site === undefined || site === 'same-origin' || site === 'none'
}

/** Undefined if it is longer than this can be. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    // The rest is let go by: who stopped reading here would end the link before the answer.
    if (bytes <= maxBodyBytes) chunks.push(chunk)
  }
  return bytes <= maxBodyBytes ? Buffer.concat(chunks).toString() : undefined
}

function wanted(body: string | undefined): boolean | undefined {
  let value: unknown
  try {
    value = JSON.parse(body ?? '')
  } catch {
    // What is no JSON asks for nothing: the answer says so.
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('isRunning' in value)) return undefined
  return typeof value.isRunning === 'boolean' ? value.isRunning : undefined
}

function say(response: ServerResponse, status: number, body: unknown): void {
  answer(response, status, JSON.stringify(body), 'application/json')
}

const maxBodyBytes = 1_024
