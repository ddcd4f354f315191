/**
 * A folder of files as a web page: what lies in the folder, and nothing else. Links that lead out of
 * it are not followed, names that begin with a dot are not there.
 */
import { answer, pathOf } from '@holdfast/access'
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

export class Page {
  readonly #folder: string

  /** Undefined if there is no page in the folder. */
  static async open(folder: string): Promise<Page | undefined> {
    const index = await fileAt(join(folder, 'index.html'))
    return index === undefined ? undefined : new Page(await realpath(folder))
  }

  private constructor(folder: string) {
    this.#folder = folder
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return answer(response, 405, 'takes GET')
    }
    const names = namesIn(pathOf(request))
    const found = names === undefined ? undefined : await this.#find(names)
    if (found === undefined) return answer(response, 404, 'not here')
    const { file, size, modifiedMs } = found
    const tag = `W/"${size.toString(36)}-${Math.trunc(modifiedMs).toString(36)}"`
    const headers = {
      ...securityHeaders,
      'Cache-Control': hashed.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache',
      ETag: tag,
    }
    if (request.headers['if-none-match'] === tag) {
      response.writeHead(304, headers).end()
      return
    }
    response.writeHead(200, {
      ...headers,
      'Content-Type': types[extname(file).toLowerCase()] ?? 'application/octet-stream',
      'Content-Length': size,
    })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    try {
      await pipeline(createReadStream(file), response)
    } catch (error) {
      // Whoever asked has gone: that is no failure.
      if ((error as { readonly code?: string }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
    }
  }

  async #find(names: readonly string[]): Promise<Found | undefined> {
    const path = join(this.#folder, ...names)
    const found = (await fileAt(path)) ?? (await fileAt(join(path, 'index.html')))
    return found?.file.startsWith(this.#folder + sep) === true ? found : undefined
  }
}

interface Found {
  /** Its one name, all links followed. */
  readonly file: string
  readonly size: number
  readonly modifiedMs: number
}

async function fileAt(path: string): Promise<Found | undefined> {
  try {
    const file = await realpath(path)
    const found = await stat(file)
    return found.isFile() ? { file, size: found.size, modifiedMs: found.mtimeMs } : undefined
  } catch {
    // Not there, not a file, or not ours to read: to whoever asks it is all the same.
    return undefined
  }
}

/** The names in a path, or undefined if it can be none of a page's. */
function namesIn(path: string): readonly string[] | undefined {
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    // Not UTF-8: no file is called so.
    return undefined
  }
  const names = decoded.split('/').filter((name) => name !== '')
  const isHarmless = names.every((name) => !name.startsWith('.') && !/[\\:\0]/.test(name))
  return isHarmless ? names : undefined
}

/** Names that a bundler made of the content: another content has another name. */
const hashed = /[\\/]assets[\\/][^\\/]*-[\w-]{8,}\.\w+$/

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}

/**
 * The page may load what lies here, compile WebAssembly (sql.js), style itself from its code (editors
 * do), and open sockets to where it came from. Not every browser counts `ws:` as `'self'`.
 */
const policy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "worker-src 'self' blob:",
  "connect-src 'self' ws://127.0.0.1:* ws://localhost:*",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const securityHeaders = {
  'Content-Security-Policy': policy,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}
