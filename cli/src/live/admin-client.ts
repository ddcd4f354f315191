import type {
  FollowedCollection,
  LogInspection,
  LogStatistics,
  NodeStatistics,
  RoomsStatistics,
} from '@holdfast/archive'
import { HoldfastError } from '../errors.js'

/** What a running archive says of itself. */
export interface Sighting {
  readonly log: LogInspection
  readonly archive: {
    readonly statistics: LogStatistics
    readonly node: NodeStatistics
    readonly yWebsocket: { readonly sockets: number; readonly documents: number }
    readonly followed?: readonly FollowedCollection[]
    readonly rooms?: RoomsStatistics
  }
}

export interface Wanted {
  readonly collection?: string
  /** Lines of each list. */
  readonly limit: number
}

/** Asks the admin API of a server. */
export class AdminClient {
  readonly url: URL
  readonly #request: URL
  readonly #token: string | undefined

  /** @param url of the server, or of its archive if that is not at `/archive` */
  constructor(url: URL, token: string | undefined, { collection, limit }: Wanted) {
    this.url = url
    this.#token = token
    const path = url.pathname === '/' ? '/archive' : url.pathname.replace(/\/+$/, '')
    this.#request = new URL(`${path}/admin/inspect`, url)
    this.#request.searchParams.set('limit', String(Math.min(limit, maxLimit)))
    if (collection !== undefined) this.#request.searchParams.set('collection', collection)
  }

  /** Rejects with a HoldfastError that says why there is nothing to see. */
  async look(signal: AbortSignal): Promise<Sighting> {
    const place = this.url.origin
    let response: Response
    let body: unknown
    try {
      response = await fetch(this.#request, {
        ...(this.#token !== undefined && { headers: { authorization: `Bearer ${this.#token}` } }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
      })
      body = parsed(await response.text())
    } catch (cause) {
      signal.throwIfAborted()
      throw new HoldfastError('no-answer', `${place} does not answer: is it running?`, { cause })
    }
    if (response.status === 401 || response.status === 403) {
      throw new HoldfastError(
        'forbidden',
        `${place} takes a token with admin of '*' here: --token-file FILE or HOLDFAST_TOKEN (holdfast token --collection '*=admin')`,
      )
    }
    if (response.status === 503) {
      throw new HoldfastError('no-answer', `the archive of ${place} is stopped`)
    }
    if (!response.ok || !isSighting(body)) {
      const detail = detailOf(body)
      throw new HoldfastError(
        'no-answer',
        detail === undefined
          ? `${place} does not answer as an archive (${response.status})`
          : `${place} refuses: ${detail}`,
      )
    }
    return body
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // No archive says such a thing, and that is what is told.
    return undefined
  }
}

function isSighting(body: unknown): body is Sighting {
  const { log, archive } = fieldsOf(body)
  const { statistics, node, yWebsocket } = fieldsOf(archive)
  return (
    Array.isArray(fieldsOf(log)['collections']) &&
    [statistics, node, yWebsocket].every((part) => typeof part === 'object' && part !== null)
  )
}

function detailOf(body: unknown): string | undefined {
  const { code, detail } = fieldsOf(body)
  if (typeof code !== 'string') return undefined
  return typeof detail === 'string' ? `${code}, ${detail}` : code
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** A tool process reads the file for each answer: beyond this something hangs. */
const answerMs = 15_000
/** What the API takes. */
const maxLimit = 9_999
