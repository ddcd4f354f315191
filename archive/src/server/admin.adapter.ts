/**
 * The admin API: JSON over HTTP, for operators and their tools.
 *
 *   GET  /admin/inspect[?collection=][&limit=]      what is in the log, and what the archive does
 *   GET  /admin/collections[?after=][&limit=]       which there are, by name
 *   GET  /admin/leases?collection=                  who reads, and how far
 *   GET  /admin/offers?collection=                  what readers could give that the archive lacks
 *   POST /admin/accept?collection=&document=&generation=&instance=    takes one of these
 *   POST /admin/compact[?collection=&document=]     that document, or all that are ripe
 *   POST /admin/verify                              checks the whole file
 *   POST /admin/backup?name=                        copies it, verified, into the backup folder
 *
 * Parameters stand in the URL. A refusal is `{"code": …}` with a wire code.
 */
import { answer, type TokenVerifier } from '@holdfast/access'
import {
  parseCollectionName,
  parseDocumentId,
  parseInstanceId,
  refuse,
  type CollectionName,
  type DocumentRef,
  type InstanceId,
  type Parsed,
  type Refused,
} from '@holdfast/peer/protocol'
import type { Logger } from '@holdfast/peer/ports'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Compactor } from '../compaction/compactor.js'
import type { Log } from '../log/port.js'
import type { ArchiveNode } from '../node/archive-node.js'
import { allowAdmin } from './admin-access.js'
import { makeFolder } from './disk.adapter.js'
import { runTool, type ToolResult } from './tool-process.adapter.js'

export interface AdminOptions {
  readonly file: string
  readonly backupFolder: string
  readonly log: Log
  readonly compactor: Compactor
  readonly node: Pick<ArchiveNode, 'offers' | 'acceptOffer'>
  readonly logger: Logger
  readonly tokens: TokenVerifier | undefined
  readonly trustedProxies: number
  /** What the archive does now, beside what is in its log. */
  readonly activity: () => Promise<unknown>
}

export class AdminApi {
  readonly #options: AdminOptions
  readonly #stop = new AbortController()
  /** Verify and backup, which read the whole file: one at a time. */
  #isReadingAll = false
  /** Processes that are running. */
  #tools = 0

  constructor(options: AdminOptions) {
    this.#options = options
  }

  /** Whether the path is one of the API's, known or not. */
  static owns(path: string): boolean {
    return path === '/admin' || path.startsWith('/admin/')
  }

  /** @param path of the request, without what stands before `/admin` */
  async handle(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Nothing is read from it.
    request.resume()
    try {
      const { status, body } = await this.#answerTo(path, request)
      answer(response, status, JSON.stringify(body), 'application/json')
    } catch (error) {
      if (this.#stop.signal.aborted) {
        answer(response, 503, JSON.stringify({ code: 'going-away' }), 'application/json')
        return
      }
      this.#options.logger.error('an admin request failed', { reason: String(error) })
      answer(response, 500, JSON.stringify({ code: 'internal' }), 'application/json')
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#stop.abort()
  }

  async #answerTo(path: string, request: IncomingMessage): Promise<Answer> {
    const route = routes[path]
    const asked = askedOf(request)
    if (!asked.ok) return refusal(400, asked)
    const allowed = await allowAdmin(
      {
        headers: request.headers,
        remoteAddress: request.socket.remoteAddress ?? '',
        trustedProxies: this.#options.trustedProxies,
      },
      this.#options.tokens,
      route?.isOfCollection === true ? asked.value.collection : undefined,
    )
    if (!allowed.ok) return refusal(allowed.refusal.code === 'unauthenticated' ? 401 : 403, allowed)
    if (route === undefined) return refusal(404, refuse('unexpected-message', 'admin: not here'))
    if (request.method !== route.method) {
      return refusal(405, refuse('unexpected-message', `admin: takes ${route.method}`))
    }
    return this[route.run](asked.value)
  }

  async inspect({ collection, limit }: Asked): Promise<Answer> {
    const words = ['inspect', this.#options.file, '--json']
    if (collection !== undefined) words.push(`--collection=${collection}`)
    if (limit !== undefined) words.push(`--limit=${limit}`)
    const log = await this.#run(words)
    if (log.status !== 200) return log
    return ok({ log: log.body, archive: await this.#options.activity() })
  }

  async collections({ after, limit = 1_000 }: Asked): Promise<Answer> {
    return ok(await this.#options.log.collections({ limit, ...(after && { after }) }))
  }

  async leases({ collection }: Asked): Promise<Answer> {
    if (collection === undefined) return refusal(400, refuse('malformed', 'admin: no collection'))
    return ok({ leases: await this.#options.log.leases.list(collection) })
  }

  offers({ collection }: Asked): Answer {
    if (collection === undefined) return refusal(400, refuse('malformed', 'admin: no collection'))
    return ok({ offers: this.#options.node.offers(collection) })
  }

  accept({ collection, document: id, generation = 0, instance }: Asked): Answer {
    if (collection === undefined || id === undefined || instance === undefined) {
      return refusal(400, refuse('malformed', 'admin: takes collection, document and instance'))
    }
    const isAccepted = this.#options.node.acceptOffer(collection, instance, { id, generation })
    if (!isAccepted) return refusal(404, refuse('malformed', 'admin: not offered any more'))
    return ok({ accepted: { document: { id, generation }, instance } })
  }

  async compact({ collection, document }: Asked): Promise<Answer> {
    const { compactor, log } = this.#options
    if (collection === undefined || document === undefined) {
      return ok({ reports: await compactor.compactRipe() })
    }
    const latest = await log.latest(collection, document)
    if (latest === undefined) return refusal(404, refuse('malformed', 'admin: no such document'))
    return ok({ reports: [await compactor.compact(collection, latest.document)] })
  }

  async verify(): Promise<Answer> {
    return this.#readAll(['verify', this.#options.file, '--json'])
  }

  async backup({ name }: Asked): Promise<Answer> {
    const { backupFolder, file } = this.#options
    if (name === undefined) return refusal(400, refuse('malformed', 'admin: no name'))
    await makeFolder(backupFolder)
    return this.#readAll(['backup', file, join(backupFolder, name), '--json'])
  }

  async #readAll(words: readonly string[]): Promise<Answer> {
    if (this.#isReadingAll) return refusal(409, refuse('rate-limited', 'admin: one at a time'))
    this.#isReadingAll = true
    try {
      return await this.#run(words)
    } finally {
      this.#isReadingAll = false
    }
  }

  async #run(words: readonly string[]): Promise<Answer> {
    if (this.#tools >= maxTools) return refusal(409, refuse('too-many', 'admin: too many at once'))
    this.#tools++
    try {
      const { report, ...rest } = await runTool(words, this.#stop.signal)
      return report === undefined ? this.#failed(rest) : ok(report)
    } finally {
      this.#tools--
    }
  }

  #failed({ exitCode, complaint }: Omit<ToolResult, 'report'>): Answer {
    this.#options.logger.error('an admin tool failed', { exitCode, reason: complaint })
    const isMistake = exitCode === 2
    return {
      status: isMistake ? 400 : 500,
      body: { code: isMistake ? 'malformed' : 'internal', detail: complaint.trim() },
    }
  }
}

/** Each takes the memory of a process of Node. */
const maxTools = 4

interface Answer {
  readonly status: number
  readonly body: unknown
}

interface Asked {
  readonly collection?: CollectionName
  readonly after?: CollectionName
  readonly document?: DocumentRef['id']
  readonly generation?: number
  readonly instance?: InstanceId
  readonly name?: string
  readonly limit?: number
}

interface Route {
  readonly method: 'GET' | 'POST'
  readonly run:
    | 'inspect'
    | 'collections'
    | 'leases'
    | 'offers'
    | 'accept'
    | 'compact'
    | 'verify'
    | 'backup'
  /** Admin of the collection that is named will do. */
  readonly isOfCollection: boolean
}

const routes: Readonly<Record<string, Route | undefined>> = {
  __proto__: null as never,
  '/admin/inspect': { method: 'GET', run: 'inspect', isOfCollection: false },
  '/admin/collections': { method: 'GET', run: 'collections', isOfCollection: false },
  '/admin/leases': { method: 'GET', run: 'leases', isOfCollection: true },
  '/admin/offers': { method: 'GET', run: 'offers', isOfCollection: true },
  '/admin/accept': { method: 'POST', run: 'accept', isOfCollection: true },
  '/admin/compact': { method: 'POST', run: 'compact', isOfCollection: true },
  '/admin/verify': { method: 'POST', run: 'verify', isOfCollection: false },
  '/admin/backup': { method: 'POST', run: 'backup', isOfCollection: false },
}

function askedOf(request: IncomingMessage): Parsed<Asked> {
  const given = new URLSearchParams(request.url?.split('?')[1])
  const asked: { -readonly [Name in keyof Asked]: Asked[Name] } = {}
  for (const [key, value] of given) {
    if (key === 'collection' || key === 'after') {
      const name = parseCollectionName(value)
      if (!name.ok) return name
      asked[key] = name.value
    } else if (key === 'document') {
      const id = parseDocumentId(value)
      if (!id.ok) return id
      asked.document = id.value
    } else if (key === 'instance') {
      const instance = parseInstanceId(value)
      if (!instance.ok) return instance
      asked.instance = instance.value
    } else if (key === 'generation') {
      if (!/^\d{1,9}$/.test(value)) return refuse('malformed', 'admin: not a generation')
      asked.generation = Number(value)
    } else if (key === 'name') {
      if (!/^\w[\w.-]{0,127}$/.test(value)) return refuse('malformed', 'admin: not a file name')
      asked.name = value
    } else if (key === 'limit') {
      if (!/^[1-9]\d{0,3}$/.test(value)) return refuse('malformed', 'admin: limit is 1 to 9999')
      asked.limit = Number(value)
    } else {
      return refuse('malformed', 'admin: an unknown parameter')
    }
  }
  return { ok: true, value: asked }
}

function ok(body: unknown): Answer {
  return { status: 200, body }
}

function refusal(status: number, { refusal }: Refused): Answer {
  return { status, body: refusal }
}
